"""One prompt over many rows: read, planned, asked, kept as they come, and gone on with.

`rows` reads any frame, `prompts` fills a row into the prompt, `work` finds what has to be asked, `plan` says what that
costs, `job` asks it, here or in the workers of an executor (`elsewhere`) or through a batch service (`service`),
`keeping` keeps each answer, `result` puts all into a frame again. It draws nothing, and knows no notebook: `client.map`
and a front end start a `Job` and look at its `Progress`.
"""

from __future__ import annotations
