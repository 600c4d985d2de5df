//! What ordinary documents become.

use crate::check;

#[test]
fn ordinary_text() {
    check("# A *b*\n\n# A b\n\ntext\n", "<h1 md-a-b>A <em>b</em></h1><h1 md-a-b-1>A b</h1><p>text</p>");
    check("1. a\n2. [x] b\n", "<ol><li>a</li><li>[x]b</li></ol>");
    check("```rust,ignore\nfn x() {}\n```\n", "[rust:fn x() {}\n]");
    check("~~a~~ `b<c`\n\n---\n", "<p><del>a</del> `b<c`</p>[hr]");
    check("> [!WARNING]\n> hot\n", "<blockquote Warning><p>hot</p></blockquote>");
    check("a[^x]\n\n[^x]: why\n", "<p>a[^1]</p><div><p>why</p></div>");
    check("---\ntitle: x\n---\nbody\n", "[yaml:title: x\n]<p>body</p>");
}

#[test]
fn tables() {
    check(
        "| a | b |\n|:-|-:|\n| 1 | 2 |\n",
        "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>",
    );
    check(
        "<table><tr><td>\n\n**a**\n\n</td><td>b</table>c",
        "<table><tr><td>\n<p><strong>a</strong></p></td><td>b</td></tr></table>c",
    );
}

#[test]
fn links_lead_to_the_same_revision() {
    check("[a](b.md#c)", "<p><a /docs/guide/b.md#c>a</a></p>");
    check("[a](../b%20c/?x#)", "<p><a /docs/b c/>a</a></p>");
    check("[a](/LICENSE) ![i](./i.png)", "<p><a /LICENSE>a</a> [/docs/guide/i.png i]</p>");
    check("[up](../../../issues)", "<p><a nowhere>up</a></p>");
    check("[a](#b-c)", "<p><a #b-c>a</a></p>");
    check("see https://a.b/c_(d)), ok", "<p>see <a https://a.b/c_(d)>https://a.b/c_(d)</a>), ok</p>");
    check("<me@a.b>", "<p><a mailto:me@a.b>me@a.b</a></p>");
    check("[![b](https://ci/x.svg)](https://ci/)", "<p><a https://ci/>[https://ci/x.svg b]</a></p>");
}

#[test]
fn html_in_between() {
    check(
        "<h1 align=center>T</h1>\n<p align=\"center\">\n <img src=a.png alt=x width=10px height=2em>\n</p>",
        "<h1 md-t>T</h1>\n<p Center>\n [/docs/guide/a.png x]\n</p>",
    );
    check(
        "<details><summary>More</summary>\n\n- a\n\n</details>\n",
        "<details><summary>More</summary>\n<ul><li>a</li></ul></details>\n",
    );
    check("a<br>b <kbd>x</kbd> <foo>c</foo>", "<p>a[br]b <kbd>x</kbd> c</p>");
    check("<a name=\"Top_1\"></a>\n", "<p><span md-Top_1></span></p>");
}
