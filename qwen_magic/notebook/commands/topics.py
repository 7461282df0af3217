"""The pages of ``%qwen help TOPIC``: what to know of a topic, and examples that run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """One page.

    Attributes:
        title: what it is about.
        text: what it does, in a few short lines.

    """

    title: str
    text: str


TOPICS = {
    "ask": Topic(
        "Ask, and go on",
        """\
Write the prompt below %%qwen. A first line "system: ..." says how to answer. The answer
appears as it is written; interrupt the cell to stop it, and what had come is kept.
%qwen ask does the same on one line. %qwen retry asks the last again.""",
    ),
    "options": Topic(
        "Options for one answer",
        """\
Options stand on the %%qwen line; Tab completes them. A low --temperature makes answers
steadier, --seed repeats them where the target can, --max-tokens keeps them short.
What a target does not take is left out, and the answer's last line says so.""",
    ),
    "conversations": Topic(
        "Conversations",
        """\
A prompt follows on those before it. --new starts afresh, --alone asks outside of the
conversation, -c NAME uses a named one. Run a cell again, and its new answer takes
the old one's place. After a restart, %qwen conversation use goes on where you were.""",
    ),
    "map": Topic(
        "One prompt over many rows",
        """\
--map df asks the prompt for each row of a frame or list: {column} is its value there, {item}
a text of a list, {row['my column']} a column of any name. -o out takes the result: out.frame
has the rows with the answer, status and error, out.failed what failed, await out.retry()
asks it again. Equal rows are asked once, the first goes alone, and each answer is kept: stop
the cell, or lose the kernel, run it again, and only what is missing is asked. --dry-run
shows what it would cost; --limit, --rpm, --tpm and --max-cost keep it small; --fresh asks all.
--batch asks the batch service of OpenAI or DashScope: the first row at once, the rest within a
day. Stop waiting, or lose the kernel: the same cell waits on for the same batch.""",
    ),
    "panel": Topic(
        "The chat panel",
        """\
%qwen panel chats below the cell, in the conversation of the cells: both show all of it. Enter
sends, Shift+Enter breaks the line, the up arrow brings the last prompt back, Escape or Stop
stops. The arrows go from turn to turn, Tab to a turn's buttons, Escape to the prompt. The list
at the left of the bar searches, pins, renames and deletes conversations. Files are pasted,
dropped or attached. @ completes variables, cells, files, conversations; / lists templates and
/new, /clear, /stop, /model NAME, /system TEXT. "To a cell" makes a cell of code, or picks it
for %qwen code. --side opens beside the notebook. Visitors get ChatPanel(app=True).""",
    ),
    "templates": Topic(
        "Prompts that you ask often",
        """\
%qwen template add NAME TEXT keeps a prompt; without TEXT it keeps the last one asked, which
may have several lines. In the panel, /NAME puts it into the composer. {variables} are filled
in when it is asked. Each is a text file of yours, for all notebooks; no key is kept in it.""",
    ),
    "variables": Topic(
        "Your variables in a prompt",
        """\
A name in braces is replaced by what the variable holds. Of a table, a list or code the name
stays, and what it is follows below the prompt, once a conversation while it is the same.
Also {rows[0]}, {Out[3]}, {x:.2f}, and expressions that only read: {df.describe()}, {len(x)}.
Other braces stay as they are, and what looks like a variable is named below the answer.
--eval evaluates any expression, --raw fills in nothing.""",
    ),
    "pictures": Topic(
        "Pictures and files",
        """\
A name in braces that is a figure, axes, an image, an array that plainly is one, or a picture's
path is sent as a picture where it stands; {fig!r} sends its text. A figure is drawn anew for
the size that a Qwen reads, other pictures are only ever shrunk; places and dates of photos
stay here. --see sends the last figure that a cell has shown, --context N also those of cells.
-a FILE attaches pictures, PDFs, tables, notebooks and text; a pattern of more than ten files
wants --yes. -a report.pdf#3-5 takes pages, #3 one, #3- the rest, #-2 the last but one: their
text, and pictures of those that have none, or with --pages of all. -a https://... is
fetched only with --fetch, and only from the public network. --dry-run shows small copies and
sizes. Where a context is full, old pictures are left out first. A target that cannot see is
named before anything is sent, and a chain goes on to one that can; %qwen targets --see lists
them. last_reply().files are an answer's own pictures, .save_files("folder") keeps them.""",
    ),
    "context": Topic(
        "What is sent",
        """\
--context N sends the last N cells and their output along with the prompt. --dry-run shows
all that would be sent, and sends nothing. --redact replaces what looks like a key, a token
or a password; %config QwenMagics.redact = True does so always.""",
    ),
    "fix": Topic(
        "Errors and code explained",
        """\
After an error, %qwen fix sends the failing cell with its error, explains it, shows what
changes, and puts the corrected cell below; --apply puts it into this cell.
%qwen explain explains the last cell, In[3], or a name. Nothing is run for you.""",
    ),
    "schema": Topic(
        "An answer as a value",
        """\
--schema "name, age int, mood: happy|sad|neutral" gives the answer as a value: .value of the
Reply that -o names. Each field is NAME [TYPE][?] [: what it is], TYPE one of str, int, float,
bool, date or choices a|b|c; ? may be missing. [name, age int] is a list of such rows, yes|no
or int a value alone. --schema Person takes a pydantic model, dataclass, TypedDict, Enum, JSON
Schema or example DataFrame of the notebook, [Person] a list of it. The target is held to it as
well as it can be; what does not fit is asked again twice. The last line says both.""",
    ),
    "formats": Topic(
        "How an answer is shown",
        """\
-f text shows it as plain text, code its code blocks alone, json the first JSON value, math
LaTeX, html a web page in a frame of its own. markdown is the usual one.
%config QwenMagics.format = "text" is for all cells.""",
    ),
    "code": Topic(
        "Code into the next cell",
        """\
-n puts the answer's code into the next cell, --replace in place of this one, with the
prompt kept as a comment. %qwen code does it later, %qwen code 1 for the first block alone.
It is never run: read it first.""",
    ),
    "replay": Topic(
        "Run the notebook again, without asking again",
        """\
With replay on, answers are recorded in a file beside the notebook, and the same question
is answered from there at once. "only" asks nobody, so Run All works without a network;
"fresh" asks anew. %qwen replay status tells which recorded answers were not used yet,
prune removes those, diff shows how answers that were recorded anew differ. The file is
NAME.qwen.jsonl; rename it with the notebook. (Where nobody tells a notebook's name, it is in
the working folder; a run beside other notebooks records nothing then, and says so.) Two cells
that ask the very same get the same answer; a --seed each gives them answers of their own. The
last line says who gave it, and when. A target that comes from QWEN_TARGET or the usual chain
may differ from one machine to the next. Each row of --map is recorded, too;
client.map(..., replay="on") does so in the working folder.""",
    ),
    "targets": Topic(
        "Where prompts go",
        """\
A target is a public Space (qwen-3), a server (ollama:MODEL) or this machine (local). Of
several, the next is tried where one fails. -t is for one prompt, %qwen use for all that
follow, %qwen use default for the usual ones. The answer's last line names its target.
%qwen targets shows the state of each and the known names, %qwen targets NAME what one offers;
--check asks all of them at once whether they answer.""",
    ),
    "keys": Topic(
        "Keys of servers",
        """\
Some servers want a key. %qwen key asks for it in a box, so that it is in no cell, and keeps
it in the system's keyring; --session keeps it until the kernel ends. A variable such as
DASHSCOPE_API_KEY serves as well. An empty key takes it back.

A key goes to its own server alone, over https or to this machine: OPENAI_API_KEY to
api.openai.com, and to the server of OPENAI_BASE_URL where that is set; for another
openai:URL it is %qwen key HOST:PORT.""",
    ),
    "local": Topic(
        "A model on this machine",
        """\
A small Qwen answers without a network: fair at short code, unreliable in facts and
arithmetic. %qwen pull fetches it once: 491 MB, or 1.1 GB for local:1.5b, which is better
and slower. A model of your own: local:PATH, with the path of a .gguf file. One that sees has
a projector: local:MODEL.gguf+MMPROJ.gguf, local:OWNER/REPO+mmproj (%qwen pull fetches both).

local:OWNER/REPO is any GGUF model of the Hub, of which Q4_K_M is taken where there is one;
local:OWNER/REPO:Q8_0 names another. local:qwen3-4b and others go by one word. %qwen pull
--list tells which, how much memory each takes and what is here, --remove MODEL removes one.
HF_ENDPOINT names a mirror, HF_TOKEN opens what is gated. The engine is part of
qwen-magic[local]; Linux with musl and Windows on Arm have none: use ollama:MODEL there.""",
    ),
    "settings": Topic(
        "Settings for all cells",
        """\
%qwen shows what is in force, %config QwenMagics lists all settings. They hold for this
session; put c.QwenMagics.target = "local" into ipython_config.py for all of them.
What stands on a %%qwen line goes before a setting.""",
    ),
    "python": Topic(
        "Answers in your code",
        """\
-o NAME puts the answer into a variable: .text .code .json .tables .usage .target.
--append NAME collects answers in a list. QwenClient asks from your own code.
%qwen nest on lets asyncio.run work inside a cell.""",
    ),
}
"""The topics, in the order in which they are listed."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "ask": (
        "%%qwen\nsystem: You are a writer.\nWrite a story about a cat that travels the world.",
        "%%qwen\nMake it shorter, and give it a title.",
        "%qwen ask Explain lambda functions in one sentence.",
        "%qwen retry",
    ),
    "options": (
        "%%qwen --temperature 0 --max-tokens 200\nExplain a p-value in three sentences.",
        '%%qwen -s "Answer in French." --stop "\\n\\n"\nHow do I greet a friend?',
        "%%qwen --no-think\nWhich is larger, 9.9 or 9.11?",
    ),
    "conversations": (
        "%%qwen -c thesis\nPropose three titles for a thesis on bees.",
        "%%qwen --new\nLet us speak of something else: what is a heap?",
        "%qwen conversation list",
        "%qwen conversation show thesis",
        "%qwen conversation export thesis.md thesis",
    ),
    "map": (
        'reviews = ["The soup was cold.", "Best pasta in town!"]',
        "%%qwen --map reviews -o out --into mood\nThe mood of this review, in one word: {item}",
        "out.frame",
        "%%qwen --map reviews --limit 1 --dry-run\nTranslate into French: {item}",
    ),
    "panel": (
        "%qwen panel",
        "%qwen panel thesis",
        "from qwen_magic import ChatPanel\n\npanel = ChatPanel(height=600)\npanel",
        "%qwen conversation show --full",
    ),
    "templates": (
        "%qwen template add brief Summarize {text} in three sentences.",
        "%qwen template",
        "%qwen template remove brief",
    ),
    "variables": (
        'prices = {"tea": 2.5, "coffee": 3.75}\ntotal = sum(prices.values())',
        '%%qwen\nMake a shopping list of {prices}. Tea is {prices["tea"]}, all is {total:.2f} euros.',
        "%%qwen --raw\nWhat does f'{total}' mean in Python?",
    ),
    "pictures": (
        'from PIL import Image\n\nimg = Image.new("RGB", (64, 48), "red")\nimg.save("red.png")',
        "%%qwen\nWhich color is {img}?",
        "%%qwen --dry-run -a red.png\nDescribe it.",
    ),
    "context": (
        "numbers = [3, 1, 2]\nprint(sorted(numbers, reverse=True))",
        "%%qwen --context 1\nWhat does this cell do?",
        '%%qwen --dry-run --redact\nWhy is my password="hunter2-and-more" refused?',
    ),
    "fix": (
        'ages = {"Ann": 31}\nages["Bob"]',
        "%qwen fix",
        "def mean(values):\n    return sum(values) / len(values)",
        "%qwen explain mean",
    ),
    "schema": ('%%qwen --schema "[str]" -o planets\nName three outer planets.', "planets.value"),
    "formats": (
        "%%qwen -f json\nGive the three largest planets as a JSON list of names.",
        "%%qwen -f text\nWrite a haiku.",
        "%%qwen -f math\nGive the formula for the area of a circle.",
    ),
    "code": (
        "%%qwen -n\nWrite a function that tells whether a word is a palindrome.",
        "%%qwen\nShow two ways to reverse a list in Python.",
        "%qwen code 1",
    ),
    "replay": (
        "%qwen replay on",
        "%%qwen\nName a colour.",
        "%qwen replay status",
        "%qwen replay off",
    ),
    "targets": (
        "%qwen targets",
        "%qwen targets local",
        "%%qwen -t qwen-3,qwen-2.5 --dry-run\nHello!",
        "%qwen use default",
    ),
    "keys": ("%qwen key dashscope --session",),
    "local": (
        "%qwen pull",
        "%qwen pull --list",
        "%%qwen -t local\nWrite a function that adds two numbers.",
    ),
    "settings": (
        "%qwen",
        '%config QwenMagics.system = "Answer in one sentence."\n%config QwenMagics.temperature = 0.2',
        '%config QwenMagics.system = ""\n%config QwenMagics.temperature = None',
    ),
    "python": (
        "%%qwen -o answer\nList three fruits with their colours, as a table.",
        "print(answer.text)\nprint(answer.target, answer.seconds)",
        'for fruit in ("apple", "plum"):\n    %qwen ask --append notes Describe the {fruit} in five words.',
        'from qwen_magic import QwenClient\n\nreply = await QwenClient().ask("Name a river.")\nprint(reply.text)',
    ),
}
"""What shows each topic at work: whole cells, which run one after the other."""
