//! What hostile documents become: nothing live, nothing endless.

use crate::{check, shown};
use proptest::prelude::*;
use prose::{LeftOut, PIECES_MAX, Piece, read};

#[test]
fn nothing_active_gets_out() {
    for active in [
        "<script>alert(1)</script>",
        "<style>*{}</style>",
        "<svg onload=alert(1)><a href=\"javascript:x\"><text>a</text></a></svg>",
        "<math><mtext><style><img src=x onerror=y></style></mtext></math>",
        "<iframe srcdoc=\"<script>x</script>\"></iframe>",
        "<object data=x></object>",
        "<embed src=x>",
        "<template><p>a</p></template>",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"></noscript>",
        "<textarea></textarea>",
        "<title><p></title>",
    ] {
        let prose = read(active, b"");
        assert!(
            prose.pieces.iter().all(|piece| match piece {
                Piece::Text(text) => !text.contains("alert"),
                Piece::Open(element) => element.tag() == "p",
                piece => matches!(piece, Piece::Close),
            }),
            "{active}: {:?}",
            prose.pieces
        );
        assert!(prose.left_out.contains(&LeftOut::Active), "{active}");
    }
    check("a <svg><a href=b>c</a></svg> d\n\ne <svg> f\n\ng", "<p>a  d</p><p>e </p><p>g</p>");
    check("<p onclick=x style=\"position:fixed\" class=bar>a", "<p>a</p>");
    check("<form action=/sign-out method=post><button>x</button></form>", "x");
    check("<base href=//evil><meta http-equiv=refresh content=0><link rel=stylesheet href=x>", "");
}

#[test]
fn only_three_schemes_lead_anywhere() {
    for bad in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "&#106;avascript:alert(1)",
        "java&#10;script:alert(1)",
        "\u{1}javascript:alert(1)",
        "vbscript:x",
        "data:text/html,<script>alert(1)</script>",
        "blob:x",
        "file:///etc/passwd",
        "view-source:x",
    ] {
        check(&format!("<a href=\"{bad}\">a</a>"), "<p><a nowhere>a</a></p>");
        check(&format!("<p><img src=\"{bad}\"></p>"), "<p>[nowhere ]</p>");
    }
    check("[a](javascript:x) ![b](data:image/png;base64,x)", "<p><a nowhere>a</a> [nowhere b]</p>");
    check("[a][b]\n\n[b]: javascript:x", "<p><a nowhere>a</a></p>");
    check("<javascript:alert(1)>", "<p><a nowhere>javascript:alert(1)</a></p>");
    check("[a](//evil/x)", "<p><a https://evil/x>a</a></p>");
    check("[a](/\\evil) [b](\\\\evil)", "<p><a /\\evil>a</a> <a /docs/guide/\\evil>b</a></p>");
}

#[test]
fn names_cannot_be_taken_from_the_page() {
    check(
        "# main\n# L1\n<a id=main></a><p id=\"x y\">a</p>",
        "<h1 md-main>main</h1><h1 md-l1>L1</h1><p>a</p>",
    );
    check("<img name=cookie id=body src=a>", "[/docs/guide/a ]");
    check("<form id=x><input name=attributes></form>", "<span md-x></span>");
}

#[test]
fn nothing_closes_what_it_did_not_open() {
    check("</div></article></main>a", "a");
    check("- a </ul></li> b\n- c", "<ul><li>a  b</li><li>c</li></ul>");
    check("<ul><li><div><li>x</ul>", "<ul><li><div></div></li><li>x</li></ul>");
    check(
        "<table><div>x</div><tr><td><p><td>y</table>z",
        "<table><tr><td><p></p></td><td>y</td></tr></table>z",
    );
    check("a <div>b</div> c", "<p>a b c</p>");
    check("<p>a<div>b</p>c</div>", "<p>a</p><div>bc</div>");
    check("<a href=b><a href=c>d</a></a>", "<p><a /docs/guide/b>d</a></p>");
}

#[test]
fn nesting_and_length_have_limits() {
    for deep in [
        "> ".repeat(50_000) + "a",
        "<div>".repeat(100_000) + "a",
        "*a **b ".repeat(20_000),
        "- ".repeat(20_000) + "a",
        "[".repeat(100_000),
        "![".repeat(50_000),
        "<details><summary>".repeat(20_000),
        "<table><tr><td>".repeat(20_000),
        "http://".to_owned() + &")".repeat(200_000),
        "`".repeat(100_001),
        "[a](".repeat(50_000),
        "<a href=".repeat(50_000),
        "<!--".repeat(50_000),
        "# a\n".repeat(50_000),
        "|a".repeat(10_000) + "\n" + &"|-".repeat(10_000) + "\n" + &"|b".repeat(10_000),
    ] {
        let prose = read(&deep, b"");
        let mut depth = 0_usize;
        for piece in &prose.pieces {
            match piece {
                Piece::Open(_) => depth += 1,
                Piece::Close => depth -= 1,
                _ => {}
            }
            assert!(depth <= prose::DEPTH_MAX + 1, "{}", &deep[..20]);
        }
        assert!(prose.pieces.len() <= PIECES_MAX + 2 * prose::DEPTH_MAX + 4, "{}", &deep[..20]);
    }
    assert!(read(&("<div>".repeat(1_000) + "a"), b"").left_out.contains(&LeftOut::Depth));
    assert!(read(&"# a\n".repeat(50_000), b"").left_out.contains(&LeftOut::Length));
    let long = "é".repeat(prose::SIZE_BYTES_MAX);
    assert!(read(&long, b"").left_out.contains(&LeftOut::Length));
}

proptest! {
    #[test]
    fn whatever_stands_in_a_document_is_closed(words in prop::collection::vec(
        prop::sample::select(vec![
            "<p>", "</p>", "<div>", "</div>", "<ul>", "<li>", "</li>", "</ul>", "<table>", "<tr>", "<td>", "</td>", "</table>",
            "<a href=x>", "</a>", "\n\n", "- a", "> ", "# h", "| a | b |\n|-|-|\n", "*", "**", "`", "<svg>", "</svg>", "text",
            "<details>", "<summary>", "</summary>", "</details>", "[a](b)", "![i](j)", "<b>", "</b>", "<h2>", "</h2>", "1. x",
            "    ", "<script>", "</script>", "[^1]", "\n[^1]: ",
        ]), 0..40)) {
        // `shown` asserts that what is open is closed.
        shown(&words.concat());
    }
}
