"""The chat panel: a widget in which a conversation is shown and gone on with, beside the cells or without any.

`protocol` has the types of all messages between kernel and page, `state` those of what is synced; the modules of `page`
and `panel.css` are the page, and `script` makes one module of them. `panel` is the widget, `reading` and `actions` take
what a page sends, `chat` does what its user wants. `composer` has what goes along with the next prompt, and `composing`
the types of its messages; `suggestions` finds what can stand at the cursor, `sight` who sees no pictures. `hub` has the
answers that stream for all panels, `live` is one of them; `screen` keeps the pages of a panel in step with the store,
`transcript` and `parts` say how a turn is shown, `choices` what is chosen for the prompts.

It does not do these things: it has no client, store or rule of its own for how a question is asked, recorded or kept,
which are the session's (`qwen_magic.chat`); it knows nothing of magics and cells, and never writes one or runs what a
model wrote; it sends a page no bytes of a file, of a picture no more than a thumbnail of its own making, and no HTML
that was not made safe.

Public is `ChatPanel`, as ``qwen_magic.ChatPanel``. All else here is the package's own and may change.
"""

from __future__ import annotations
