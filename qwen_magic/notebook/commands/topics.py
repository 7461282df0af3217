"""The pages of ``%qwen help TOPIC``: what to know about a topic, and examples that run."""

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
Write the prompt below %%qwen. A first line "system: ..." sets the system prompt. The answer
appears as it is written; interrupt the cell to stop it, and what had arrived is kept.
%qwen ask does the same on one line. %qwen retry asks the last prompt again.""",
    ),
    "options": Topic(
        "Options for one answer",
        """\
Options go on the %%qwen line; Tab completes them. A low --temperature makes answers steadier,
--seed makes them repeatable where the target can do that, --max-tokens keeps them short.
An option that the target does not take is left out, and the answer's last line says so.""",
    ),
    "conversations": Topic(
        "Conversations",
        """\
A prompt continues the conversation. --new begins another one, --alone asks outside of any
conversation, -c NAME asks in the one of that name. Run a cell again, and its new answer takes
the old one's place. After a restart, %qwen conversation use goes on where you were.""",
    ),
    "map": Topic(
        "One prompt over many rows",
        """\
--map df asks the prompt for each row of a DataFrame or list: {column} is the row's value,
{item} an item of a list, {row['my column']} a column of any name. -o out keeps the result:
out.frame has each row with its answer, status and error, out.failed the rows that failed, and
await out.retry() asks those again. Equal rows are asked once; the first row goes alone. Each
answer is kept: if you stop the cell or lose the kernel, run the cell again, and only the rest
is asked. --dry-run shows what it would cost; --limit, --rpm, --tpm and --max-cost limit it;
--fresh asks all rows again. --batch uses the batch service of OpenAI or DashScope: it asks the
first row at once, the rest within a day. To wait for the same batch, run the same cell again.""",
    ),
    "panel": Topic(
        "The chat panel",
        """\
%qwen panel opens a chat below the cell, in the same conversation as the cells. Enter sends,
Shift+Enter breaks the line, the up arrow brings back the last prompt, Escape or Stop stops the
answer. The arrows move from turn to turn, Tab to a turn's buttons, Escape to the prompt. The
list at the left of the bar searches, pins, renames and deletes conversations. Paste, drop or
attach files. @ completes variables, cells, files and conversations; / completes templates and
/new, /clear, /stop, /model NAME, /system TEXT. "To a cell" puts code into a new cell, or keeps
it for %qwen code. --side opens it beside the notebook. ChatPanel(app=True) is for visitors.""",
    ),
    "templates": Topic(
        "Templates: prompts that you ask often",
        """\
%qwen template add NAME TEXT keeps a prompt; without TEXT it keeps the last one asked, which
may have several lines. In the panel, /NAME puts it into the prompt box. {variables} are filled
in when it is asked. Each is a text file of yours, for all notebooks; keys are left out of it.""",
    ),
    "variables": Topic(
        "Your variables in a prompt",
        """\
A name in braces is replaced by the variable's value. For a table, a list or code the name
stays, and its description follows below the prompt, once in a conversation unless it changes.
Also {rows[0]}, {Out[3]}, {x:.2f}, and expressions that only read: {df.describe()}, {len(x)}.
Other braces stay; what looks like a variable but is not one is named below the answer.
--eval evaluates any expression, --raw fills in nothing.""",
    ),
    "pictures": Topic(
        "Pictures and files",
        """\
A name in braces that stands for a figure, axes, an image, an array that is clearly one, or a
picture's path is sent as a picture; {fig!r} sends its text. A figure is drawn again at a size
that Qwen reads; other pictures are only made smaller. A photo's place and date are not sent.
--see also sends the last figure that a cell showed, --context N the pictures of those cells.
-a FILE attaches pictures, PDFs, tables, notebooks and text; a pattern that matches more than
ten files needs --yes. Of a PDF, -a report.pdf#3-5 takes pages 3 to 5, #3 one page, #3- page 3
and all after it, #-2 the last but one: as text, as pictures where a page has none, and with
--pages all as pictures. -a https://... is fetched only with --fetch, and only from the public
network. --dry-run shows small copies and sizes. In a full context old pictures are left out
first. If no target can see, that is said before anything is sent; %qwen targets --see lists
those that can. last_reply().files are an answer's pictures, .save_files("folder") saves them.""",
    ),
    "context": Topic(
        "What is sent",
        """\
--context N also sends the last N cells and their output. --dry-run shows all that would be
sent, and sends nothing. --redact replaces what looks like a key, a token or a password;
%config QwenMagics.redact = True does so for every prompt.""",
    ),
    "fix": Topic(
        "Explain errors and code",
        """\
After an error, %qwen fix sends the failing cell with its error, explains the error, shows the
change, and puts the corrected cell below; --apply puts it into this cell.
%qwen explain explains the last cell, In[3], or a name. Nothing is run for you.""",
    ),
    "schema": Topic(
        "An answer as a value",
        """\
--schema "name, age int, mood: happy|sad|neutral" gives the answer as a value: .value of the
Reply that -o names. Each field is NAME [TYPE][?] [: description]; TYPE is str, int, float,
bool, date or choices a|b|c; ? means that it may be missing. [name, age int] is a list of such
rows; yes|no or int is a single value. --schema Person takes a pydantic model, dataclass,
TypedDict, Enum, JSON Schema or example DataFrame of the notebook, [Person] a list of them. The
target is held to the schema as far as it can be; what does not fit is asked again, at most
twice. The last line says how it was held, and how often it was asked.""",
    ),
    "formats": Topic(
        "How an answer is shown",
        """\
-f text shows it as plain text, code only its code blocks, json the first JSON value, math its
formulas as LaTeX, html a web page in a frame of its own. markdown is the default.
%config QwenMagics.format = "text" sets it for all cells.""",
    ),
    "code": Topic(
        "Code into the next cell",
        """\
-n puts the answer's code into the next cell; --replace puts it into this one, and keeps the
prompt as a comment. %qwen code does it later, %qwen code 1 only the first block.
The code is never run for you: read it first.""",
    ),
    "replay": Topic(
        "Run the notebook again without asking again",
        """\
With replay on, answers are recorded in a file beside the notebook, and the same question
is answered from that file at once. "only" asks no target, so Run All works without a network;
"fresh" asks again. %qwen replay status shows which recorded answers were not used yet,
prune removes those, diff shows how answers that were recorded again differ. The file is
NAME.qwen.jsonl; rename it with the notebook. (Where the front end does not say the notebook's
name, it is in the working folder; a run beside other notebooks then records nothing, and says
so.) Two cells that ask exactly the same get the same answer; give each a --seed of its own to
get two. The last line says who gave it, and when. A target that comes from QWEN_TARGET or the
default chain may differ between machines. The rows of --map are recorded too;
client.map(..., replay="on") records them in the working folder.""",
    ),
    "targets": Topic(
        "Where prompts go",
        """\
A target is a public Space (qwen-3), a server (ollama:MODEL) or this machine (local). Several
are tried in order until one answers. -t is for one prompt, %qwen use for all that follow, and
%qwen use default goes back to the default ones. The answer's last line names its target.
%qwen targets shows the state of each and the known names, %qwen targets NAME what one offers;
--check asks all of them at once whether they answer.""",
    ),
    "keys": Topic(
        "Keys of servers",
        """\
Some servers need a key. %qwen key asks for it in a box, so that it is in no cell, and keeps
it in the system's keyring; --session keeps it until the kernel ends. An environment variable
such as DASHSCOPE_API_KEY works too. An empty key deletes the one that is kept.

A key is sent only to its own server, over https or to this machine: OPENAI_API_KEY to
api.openai.com, and to the server of OPENAI_BASE_URL where that is set. For another openai:URL,
use %qwen key HOST:PORT.""",
    ),
    "local": Topic(
        "A model on this machine",
        """\
A small Qwen answers without a network: fair at short code, unreliable in facts and
arithmetic. %qwen pull fetches it once: 491 MB, or 1.1 GB for local:1.5b, which is better
and slower. For a model of your own, use local:PATH, the path of a .gguf file. To see, it needs
a projector: local:MODEL.gguf+MMPROJ.gguf, local:OWNER/REPO+mmproj (%qwen pull fetches both).

local:OWNER/REPO is any GGUF model of the Hugging Face Hub, in Q4_K_M where there is one;
local:OWNER/REPO:Q8_0 names another file. local:qwen3-4b and others have a short name: %qwen
pull --list shows them, the memory each takes and what is here; --remove MODEL removes one.
HF_ENDPOINT names a mirror; gated models need HF_TOKEN. The engine is part of
qwen-magic[local]; for Linux with musl and Windows on Arm there is none: use ollama:MODEL.""",
    ),
    "settings": Topic(
        "Settings for all cells",
        """\
%qwen shows what is in force, %config QwenMagics lists all settings. They hold for this
session; put c.QwenMagics.target = "local" into ipython_config.py to set one for all sessions.
An option on a %%qwen line comes before a setting.""",
    ),
    "python": Topic(
        "Answers in your code",
        """\
-o NAME puts the answer into a variable: .text .code .json .tables .usage .target.
--append NAME collects answers in a list. QwenClient is for questions from your own code.
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
"""Examples of each topic: whole cells, which run one after the other."""
