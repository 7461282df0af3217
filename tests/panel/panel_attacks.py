"""Hostile Markdown for the panel's renderer: what each piece would do, were it live, is to set __pwned or ask ORIGIN."""

from __future__ import annotations

from attacks import IMG, JS, ORIGIN, PWN, REMOTE

PANEL_ATTACKS: list[tuple[str, str]] = [
    # the classics of sanitisers that a second parse undoes
    ("mxss: mglyph and style", f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;{IMG}">'),
    ("mxss: malignmark", f'<math><mtext><table><malignmark><style><!--</style><img title="--&gt;{IMG}">'),
    (
        "mxss: mtext and option",
        f'<math><mtext><option><FAKEFAKE><option></option><mglyph><svg><mtext><style><a title="</style>{IMG}">',
    ),
    (
        "mxss: annotation-xml",
        f'<math><annotation-xml encoding="text/html"><style><!--</style>{IMG}--></annotation-xml></math>',
    ),
    (
        "mxss: semantics",
        f"<math><semantics><annotation-xml encoding='text/html'>{IMG}</annotation-xml></semantics></math>",
    ),
    ("mxss: svg style", f'<svg></p><style><a id="</style>{IMG}">'),
    ("mxss: svg foreignObject", f"<svg><foreignObject><p>{IMG}</p></foreignObject></svg>"),
    ("mxss: svg desc and noscript", f'<svg><desc><noscript><p title="</noscript>{IMG}">'),
    ("mxss: form in form", f"<form><math><mtext></form><form><mglyph><style></math>{IMG}"),
    ("mxss: table in a p", f"<p><table><p><svg><style><!--</style></p>{IMG}-->"),
    ("mxss: nested a", f"<a href=x><table><a href={JS}><td>x</td></a></table></a>"),
    ("mxss: noscript", f'<noscript><p title="</noscript>{IMG}">'),
    ("mxss: textarea", f'<textarea><p title="</textarea>{IMG}">'),
    ("mxss: title", f'<title><p title="</title>{IMG}">'),
    ("mxss: xmp", f'<xmp><p title="</xmp>{IMG}">'),
    ("mxss: noembed", f'<noembed><p title="</noembed>{IMG}"></noembed>'),
    ("mxss: iframe text", f'<iframe><p title="</iframe>{IMG}">'),
    ("mxss: plaintext", f"<plaintext>{IMG}"),
    ("mxss: select", f"<select><option><style></option></select>{IMG}</style>"),
    (
        "mxss: template",
        f"<template><script>{PWN}</script></template><div><template shadowrootmode=open>{IMG}</template>",
    ),
    ("mxss: math in a table cell", f"|a|b|\n|-|-|\n|<math><mtext>|<style></table>{IMG}|"),
    ("mxss: comment in math", f"<math><!--</math>{IMG}-->"),
    ("mxss: cdata in math", f"<math><mi><![CDATA[</mi></math>{IMG}]]>"),
    ("mxss: processing instruction in svg", f'<svg><?x ><p title="?>{IMG}">'),
    ("svg animate", f'<svg><a xlink:href="#"><animate attributeName="href" values="{JS}"/><text>x</text></a></svg>'),
    ("svg set", f'<svg><set attributeName="onmouseover" to="{PWN}"/></svg>'),
    ("svg use", f'<svg><use href="data:image/svg+xml,<svg id=x onload={PWN}>#x"/></svg>'),
    ("svg image", f'<svg><image href="{REMOTE}"/></svg>'),
    ("math href", f'<math href="{JS}"><mi>x</mi></math> <math><mi xlink:href="{JS}">x</mi></math>'),
    ("math maction", f'<math><maction actiontype="statusline" xlink:href="{JS}">x<mtext>y</mtext></maction></math>'),
    ("base", f'<base href="{ORIGIN}/"><a href="x">x</a>'),
    ("clobbering", "<form id=attributes><input name=getAttribute><img name=cookie id=body></form>"),
    ("portal and embed", f'<embed src="{REMOTE}"><portal src="{ORIGIN}/p"></portal><frameset onload={PWN}>'),
    ("popover", f"<div popover id=x onbeforetoggle={PWN}>a</div><button popovertarget=x>b</button>"),
    ("animation", f"<style>@keyframes x{{}}</style><b style='animation-name:x' onanimationstart={PWN}>b</b>"),
    ("custom element", f"<jp-button onclick={PWN}>x</jp-button><x-y is=a onfocus={PWN} tabindex=1 autofocus>"),
    ("audio and source", f'<audio src="{REMOTE}"><source srcset="{REMOTE}" onerror={PWN}><track src="{REMOTE}">'),
    (
        "picture",
        f'<picture><source srcset="{REMOTE}"><img src="{REMOTE}" srcset="{REMOTE} 2x" loading=eager></picture>',
    ),
    ("marquee", f"<marquee onstart={PWN}>x</marquee><body onload={PWN}><html onmouseover={PWN}>"),
    ("slash for space", f"<img/src=x/onerror={PWN}/><svg/onload={PWN}/>"),
    ("form feed for space", f"<img\x0csrc=x\x0conerror={PWN}> <svg\x0bonload={PWN}>"),
    ("quote that does not end", f'<img src="x onerror={PWN}> <img alt="`><script>{PWN}</script>">'),
    ("doubled tags", f"<<img src=x onerror={PWN}>> <scr<script>ipt>{PWN}</scr</script>ipt>"),
    ("full-width tags", f"＜img src=x onerror={PWN}＞ \u02c2script\u02c3{PWN}"),
    ("utf-7", "+ADw-script+AD4-alert(1)+ADw-/script+AD4-"),
    ("zeros", f"<scr\0ipt>{PWN}</scr\0ipt> [x](java\0script:{PWN}) [x](\0{JS})"),
    ("lone surrogates", f"\ud800{IMG}\udc00 [x](\ud800{JS}) `\udfff`"),
    ("noncharacters", f"\ufffe{IMG}\uffff \ufdd0<script>{PWN}</script>"),
    ("bidi in prose", "user\u202e\u2066// if admin\u2069 \u2066 x \u202c\u202d [moc.elgoog\u202e](https://a.b)"),
    ("bidi in code", "```python\nif x:\u202e\u2066 # begin admins only\u2069\u2066\n    return\n```\n`a\u202eb`"),
    # addresses
    ("link: tab and line", f"[x](java\tscript:{PWN}) [x](<java\tscript:{PWN}>) [x](java\nscript:{PWN})"),
    (
        "link: numbered entities",
        f"[x](&#x6A;&#x61;vascript:{PWN}) [x](javascript&#x3A;{PWN}) [x](&#0000106avascript:{PWN})",
    ),
    ("link: named entities", f"[x](java&NewLine;script&colon;{PWN}) [x](&Tab;{JS}) [x](&nbsp;{JS})"),
    ("link: percent", f"[x](%6aavascript:{PWN}) [x](javascript%3A{PWN}) [x](%0ajavascript:{PWN})"),
    (
        "link: control characters",
        f"[x](\x01{JS}) [x](\x1f{JS}) [x](\x7f{JS}) [x](\u00ad{JS}) [x](\u200b{JS}) [x](\ufeff{JS})",
    ),
    ("link: letters that look alike", f"[x](ｊavascript:{PWN}) [x](javaſcript:{PWN}) [x](jаvascript:{PWN})"),
    ("link: vbscript", "[x](VbScript:msgbox(1)) [x](vbs&#99;ript:x) <vbscript:x>"),
    ("link: data", f"[x](data:text/html;base64,PHNjcmlwdD4=) [x](DATA:,{PWN}) <data:text/html,<script>{PWN}</script>>"),
    (
        "link: blob, file, about",
        "[x](blob:http://a/1) [x](file:///etc/passwd) [x](about:blank) [x](view-source:http://a)",
    ),
    ("link: feed and jar", f"[x](feed:{JS}) [x](jar:{JS}!/) [x](livescript:{PWN}) [x](mocha:{PWN})"),
    ("link: of no scheme", "[x](//127.0.0.1:9/a) [x](/lab) [x](\\\\127.0.0.1\\a) [x](?reset) [x](.) [x]()"),
    ("link: http of this very page", "[x](http:lab) [x](https:/lab) [x](http:javascript:1)"),
    ("link: user and password", f"[x](https://google.com@127.0.0.1:9/) [x](http://javascript:{PWN}@a)"),
    ("link: quotes", f'[x](https://a.b/\'"onmouseover={PWN}//) [x](<https://a.b/" onmouseover={PWN} x=">)'),
    ("link: angles", f"[x](https://a.b/<img/src=x/onerror={PWN}>) [x](<https://a.b/>{IMG})"),
    (
        "link: title breaks out",
        f'[x](https://a.b "\\" onmouseover={PWN} x=\\"") [x](https://a.b \'"onfocus="{PWN}" autofocus="\')',
    ),
    ("link: title with tags", f'[x](https://a.b "{IMG}") [x](https://a.b (</a>{IMG}))'),
    ("link: text with tags", f"[{IMG}](https://a.b) [</a>{IMG}](https://a.b) [`</a>{IMG}`](https://a.b)"),
    ("link: nested", f"[a [b]({JS}) c](https://a.b) [a [b](https://c.d) c]({JS})"),
    ("link: in an image in a link", f"[![[x]({JS})]({JS})]({JS}) [![a]({REMOTE})](#x)"),
    ("link: brackets", "[" * 50 + f"x]({JS})" + "]" * 50),
    ("link: reference loops", f"[a][b]\n\n[b]: [a]\n[a]: {JS}\n[B]: https://a.b"),
    ("link: reference title over lines", f"[a]\n\n[a]: https://a.b '\n\"onmouseover={PWN}\n{IMG}'"),
    ("link: reference in a heading", f"# [a]\n\n[a]: <{JS}> (t)\n[a]: https://a.b\n===\n"),
    ("link: footnote", f"[^1]\n\n[^1]: {IMG} [x]({JS})"),
    ("autolink: bare", f'https://a.b/"onmouseover="{PWN} https://a.b/\'{IMG} https://a.b/<script>{PWN}</script>'),
    ("autolink: javascript", f"{JS} javascript://https://a.b/%0a{PWN} <javascript://https://a.b/%0a{PWN}>"),
    ("autolink: scheme before", f"javascripthttps://a.b xhttps://a.b javascript:https://a.b data:http://a.b//{PWN}"),
    ("autolink: no host", "https:// http://? https://) http://[::1]/ https://. http://&#60;"),
    ("autolink: entities", f"https://a.b/&quot;onmouseover=&quot;{PWN} https://a.b/&lt;img&gt;"),
    ("autolink: in a link", f"[https://a.b](https://c.d) [https://a.b]({JS}) [<https://a.b>](https://c.d)"),
    ("autolink: in math and code", f'$https://a.b$ `https://a.b` $\\text{{https://a.b/"onfocus={PWN}}}$'),
    ("autolink: parentheses", "(https://a.b/" + "(" * 40 + "x" + ")" * 60 + ")"),
    ("autolink: email", f'<a@b.c"onmouseover={PWN}> <mailto:a@b.c?body=<script>> a@b.c <x@y.z>{IMG}'),
    # code
    ("fence: quotes in its info", f"```python\" onmouseover=\"{PWN}\nx\n```\n\n```'onfocus='{PWN}\nx\n```"),
    ("fence: tag in its info", f"```{IMG}\nx\n```\n\n~~~</pre>{IMG}\nx\n~~~"),
    ("fence: entities in its info", f"```&quot;&gt;&lt;img/src=x/onerror={PWN}&gt;\nx\n```"),
    ("fence: braces in its info", f'```{{.python onmouseover="{PWN}" #id .a}}\nx\n```'),
    ("fence: long info", "```" + "a" * 5000 + "\nx\n```"),
    (
        "fence: odd info",
        "```\u202epy\u2066\nx\n```\n\n```py\0thon\nx\n```\n\n```../../etc/passwd\nx\n```\n\n```__import__\nx\n```",
    ),
    ("fence: html", f"```html\n<script>{PWN}</script>\n{IMG}\n</code></pre>{IMG}\n<!-- {IMG}\n```"),
    ("fence: xml", f"```xml\n<![CDATA[{IMG}]]>\n<!DOCTYPE x [<!ENTITY y '{IMG}'>]>&y;\n```"),
    ("fence: svg", f"```svg\n<svg onload={PWN}><script>{PWN}</script>\n```"),
    ("fence: markdown", f"````markdown\n```html\n{IMG}\n```\n[x]({JS}) ![x]({REMOTE})\n````"),
    (
        "fence: php and js",
        f"```php\n<?php echo '{IMG}'; ?>{IMG}\n```\n```js\n`${{'{IMG}'}}` /*{IMG}*/ // </script>\n```",
    ),
    ("fence: css", f"```css\n@import url({ORIGIN}/a.css);\na{{background:url({REMOTE})}}</style>{IMG}\n```"),
    ("fence: console", f"```console\n$ echo '{IMG}'\n{IMG}\n\x1b]8;;{JS}\x07x\x1b]8;;\x07\n```"),
    ("fence: diff", f"```diff\n- {IMG}\n+ {IMG}\n@@ {IMG} @@\n```"),
    ("fence: diagram", f'```mermaid\nA["{IMG}"]\nclick A "{JS}"\n```\n```dot\ndigraph{{a[URL="{JS}"]}}\n```'),
    ("fence: open", f"```html\n{IMG}\n<script>"),
    ("fence: in nested lists", f"- - - ```html\n      {IMG}\n  {IMG}\n- ```\n{IMG}\n"),
    ("code: span over tags", f'`<a href="`{IMG}">` ``{IMG}`` `\n{IMG}\n`'),
    ("code: indented", f"    <script>{PWN}</script>\n    </code></pre>{IMG}\n\n\t{IMG}\n"),
    # math
    ("math: href", f"$\\href{{{JS}}}{{x}}$ $$\\href{{{JS}}}{{x}}$$ \\(\\href{{{JS}}}{{x}}\\) \\[\\url{{{JS}}}\\]"),
    (
        "math: html commands",
        f"$\\html{{{IMG}}}$ $\\htmlClass{{a}}{{b}}$ $\\htmlId{{a}}{{b}}$ $\\htmlStyle{{color:red}}{{b}}$ $\\htmlData{{onclick={PWN}}}{{b}}$",
    ),
    (
        "math: style and class",
        f'$\\style{{background:url({REMOTE})}}{{x}}$ $\\class{{qwen-panel" onclick="{PWN}}}{{x}}$ $\\cssId{{x}}{{y}}$',
    ),
    (
        "math: tags in text",
        f"$\\text{{{IMG}}}$ $\\mbox{{<script>{PWN}</script>}}$ $\\textbf{{</math>{IMG}}}$ $\\mathrm{{<svg onload={PWN}>}}$",
    ),
    ("math: style element in text", f"$\\text{{<style><!--</style>{IMG}-->}}$ $\\texttt{{<mglyph><style>{IMG}}}$"),
    (
        "math: text in text",
        f"$\\text{{\\textbf{{<b>\\textit{{<i onclick={PWN}>}}}}}}$ $\\text{{\\emph{{</em></mtext></math>{IMG}}}}}$",
    ),
    ("math: entities", f"$&lt;img src=x onerror={PWN}&gt;$ $\\text{{&#60;img src=x onerror={PWN}&#62;}}$"),
    ("math: source that fails", f'$\\nosuch{{{IMG}}}$ $$\\nosuch</code>{IMG}$$ \\[\\nosuch"onmouseover="{PWN}\\]'),
    (
        "math: definitions",
        f"$\\def\\a{{{IMG}}}\\a$ $\\newcommand{{\\b}}[1]{{\\text{{<#1>}}}}\\b{{img src=x onerror={PWN}}}$ $\\a\\b{{x}}$",
    ),
    ("math: global definitions", f"$\\gdef\\sin{{\\text{{{IMG}}}}}\\sin$\n\n$\\sin x$"),
    ("math: endless macros", "$\\def\\a{\\a\\a}\\a$ $\\def\\b{xxxxxxxxxx}" + "\\b" * 300 + "$"),
    (
        "math: deep",
        "$"
        + "\\sqrt{" * 400
        + "x"
        + "}" * 400
        + "$ $"
        + "\\frac{1}{" * 300
        + "x"
        + "}" * 300
        + "$ $"
        + "{" * 1400
        + "}" * 1400
        + "$",
    ),
    (
        "math: colours",
        f'$\\color{{url({REMOTE})}}x$ $\\textcolor{{red;background:url({REMOTE})}}{{x}}$ $\\color[HTML]{{"onclick}}x$ $\\color{{red}}x$',
    ),
    (
        "math: lengths",
        f'$\\hspace{{1em;background:url({REMOTE})}}x$ $\\hspace{{1em" onclick="{PWN}}}$ $\\hspace{{99999em}}x$ $\\raisebox{{9999em}}{{x}}$',
    ),
    (
        "math: labels",
        f'\\begin{{align}}a\\label{{x" onclick="{PWN}}}\\\\ \\ref{{x}}\\eqref{{x}}\\end{{align}} $$x\\tag{{{IMG}}}$$',
    ),
    (
        "math: environment names",
        f'\\begin{{align" onclick="{PWN}}}x\\end{{align" onclick="{PWN}}} $\\begin{{{IMG}}}\\end{{{IMG}}}$',
    ),
    (
        "math: array columns",
        f'$\\begin{{array}}{{c"onclick="{PWN}}}x\\end{{array}}$ $\\begin{{array}}{{@{{{IMG}}}c}}x\\end{{array}}$',
    ),
    ("math: operator names", f"$\\operatorname{{<img src=x onerror={PWN}>}}$ $\\mathop{{\\text{{{IMG}}}}}$"),
    ("math: characters", f"$\\char60 img\\char62$ $\\unicode{{x3C}}$ $\\symbol{{60}}$ $\\verb|{IMG}|$ $^^3cimg^^3e$"),
    (
        "math: files",
        f"$\\includegraphics{{{REMOTE}}}$ $\\input{{/etc/passwd}}$ $\\require{{html}}$ $\\csname href\\endcsname{{{JS}}}{{x}}$",
    ),
    (
        "math: broken nesting",
        f"$\\text{{$ {IMG} $}}$ $$ $ {IMG} $ $$ $\\left( \\begin{{matrix}} \\right) \\end{{matrix}}$",
    ),
    ("math: over emphasis and links", f"*$a*{IMG}$ [$x](https://a.b)$ **$**{IMG}$** `$`{IMG}`$`"),
    ("math: in a table", f"|a|b|\n|-|-|\n|$\\text{{{IMG}}}$|$|{IMG}$|\n|\\({IMG}\\)|$$x$$|"),
    ("math: in a link", f"[$\\text{{x}}$](https://a.b) [$\\href{{{JS}}}{{x}}$](https://a.b) ![$x$]({REMOTE})"),
    ("math: zero and bidi", f"$\0\\text{{\u202e{IMG}}}$ $\\text{{\u2066x}}$"),
    # tables, lists and the rest
    ("table: alignment", f'|a|b|\n|:-" onclick="{PWN}|-:|\n|1|2|\n\n|a|\n|:-:;background:url({REMOTE})|\n|b|'),
    ("table: cells", f"|</td></table>{IMG}|\n|-|\n|<td onclick={PWN}>|\n|[x]({JS})|\n|![x]({REMOTE})|\n|`\\|{IMG}`|"),
    ("table: wide", "|" + "a|" * 300 + "\n|" + "-|" * 300 + "\n" + ("|" + "<b>|" * 300 + "\n") * 3),
    ("list: number", f"999999999. a\n\n1234567890. b\n\n0. c\n\n-1. {IMG}"),
    ("list: task", f'- [ ] {IMG}\n- [x] [x]({JS})\n- [x](https://a.b)\n- [ ]{IMG}\n- ["onclick={PWN}] a'),
    ("list: deep", "- " * 200 + IMG),
    ("quote: deep", "> " * 200 + IMG),
    ("emphasis: deep", "**_" * 100 + IMG + "_**" * 100),
    ("emphasis: crossed", f"*a **b* c** ~~d *e~~ f* [g *h](https://a.b) i* {IMG}"),
    (
        "heading: anchors",
        f'# {IMG} {{#id onclick={PWN}}}\n\n<h1 id=x>a</h1>\n\nx {{.class #id style="background:url({REMOTE})"}}',
    ),
    ("image: attributes", f'![x]({REMOTE}){{width=100 onerror={PWN}}} ![" onerror="{PWN}]({REMOTE})'),
    ("image: tags in its text", f"![{IMG}]({REMOTE}) ![</a>{IMG}]({REMOTE}) ![&lt;img src=x&gt;]({REMOTE})"),
    (
        "image: of other schemes",
        f"![x](data:image/svg+xml,<svg/onload={PWN}>) ![x]({JS}) ![x](blob:x) ![x](//127.0.0.1:9/a)",
    ),
    ("shortcodes", f"{{{{ 7*7 }}}} {{% raw %}} <%= {PWN} %> ${{{PWN}}} [[{JS}]] :smile: @import"),
    (
        "entities only",
        "&lt;script&gt; &#60;script&#62; &#x3c;script&#x3e; &lt;/p&gt; &amp;lt;script&amp;gt; &#0; &#xD800; &#x110000;",
    ),
    ("own classes", '<span class="qwen-bar">x</span> <div class="qm-math" data-key="1">y</div> <button>Stop</button>'),
    ("front matter", f"---\ntitle: {IMG}\n---\n\n+++\n{IMG}\n+++\n"),
    ("carriage returns", f"a\r\r<script>\r{PWN}\r</script>\r\n\r[x]({JS})\r"),
    ("separators", f"a\u2028{IMG}\u2029\x85<script>{PWN}</script>\x0b\x0c- {IMG}"),
]
