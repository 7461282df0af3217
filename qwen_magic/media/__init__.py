"""What becomes a picture, and how it is made fit to be sent: `pictures` tells, `bitmaps` and `figures` make it.

No network, no IPython; Pillow and Matplotlib are loaded where there is a picture, never by the import.
"""
