//! Documents: a README below its folder, a Markdown file rendered, images of the repository.

use crate::world::{Secret, Who, World, run};

const README: &str = r#"# The *app*

[![build](https://ci.example.com/b.svg)](https://ci.example.com/) ![logo](https://img.example.com/l.png)
![ours](docs/i.png) [guide](docs/guide.md#first-steps) [folder](docs/) [up](../../issues)

<p align="center" onclick="alert(1)"><img src="docs/i.png" width="40"><a href="javascript:alert(2)">x</a></p>
<svg onload="alert(3)"><script>alert(4)</script></svg><style>main { display: none }</style>
<h2 id="main">L1</h2>
<iframe src="https://frames.example.com/"></iframe>

- [x] done

```rust
fn a() -> &'static str { "<script>alert(5)</script>" }
```

| a | b |
|---|--:|
| 1 | 2 |
"#;

const NOTEBOOK: &str = r##"{"nbformat": 4, "metadata": {"language_info": {"name": "python"}}, "cells": [
  {"cell_type": "markdown", "source": ["# Tides\n", "[app](../README.md) <script>alert(1)</script>"]},
  {"cell_type": "code", "execution_count": 3, "source": "tide = 1", "outputs": [
    {"output_type": "display_data", "data": {"text/html": "<img src=x onerror=alert(2)>", "image/svg+xml": "<svg onload=alert(3)>"}},
    {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgoAAAANSUhEUgAAAAIAAAAD", "text/html": "<b>x</b>"}},
    {"output_type": "display_data", "data": {"image/png": "PHN2Zz4=", "text/plain": "no image"}},
    {"output_type": "stream", "name": "stderr", "text": "</pre><script>alert(4)</script>"}]},
  {"cell_type": "code", "source": ["a", 7], "outputs": []}]}"##;

async fn world() -> World {
    let world = World::new(Secret::DoesNotExist).await;
    let repo = world.code().repo("docs");
    let png = b"\x89PNG\r\n\x1a\n\0";
    repo.commit_files(
        "main",
        &[
            ("README.md", README.as_bytes()),
            (
                "docs/guide.md",
                b"# First steps\n\n[back](../README.md) ![key](../keys/k.png) ![none](../keys/none.png)\n",
            ),
            ("docs/readme.rst", b"Title\n=====\n\n<b>plain</b>\n"),
            ("docs/i.png", png),
            ("docs/d.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(6)</script></svg>"),
            ("docs/p.pdf", b"%PDF-1.7\n\xff\0"),
            ("docs/n.ipynb", NOTEBOOK.as_bytes()),
            ("docs/cut.ipynb", &NOTEBOOK.as_bytes()[..200]),
            ("keys/k.png", png),
            ("keys/n.ipynb", NOTEBOOK.as_bytes()),
        ],
    );
    world.take_up("docs").await;
    world
}

/// Threats X: HTML, `javascript:`, SVG, style and DOM clobbering in a README; remote images.
#[test]
fn a_readme_has_nothing_live() {
    run(async {
        let world = world().await;
        for target in ["/r/docs", "/r/docs/-/blob/README.md?view=rendered"] {
            let page = world.get(Who::Bob, target).await.text();
            let prose = page.split("<div class=\"prose\">").nth(1).expect("the document");
            for live in [
                "<script",
                "<style",
                "<svg onload",
                "onclick",
                "javascript:",
                "<iframe",
                "style=",
                "id=\"main\"",
            ] {
                assert!(
                    !prose.split("<footer").next().expect("it").contains(live),
                    "{target} holds {live}: {prose}"
                );
            }
            assert!(!page.contains("alert(3)") && !page.contains("alert(4)"), "{prose}");
            // Images of others are links, those of the repository come from here.
            assert_eq!(prose.matches("<img ").count(), 2, "{prose}");
            assert_eq!(prose.matches("src=\"/r/docs/-/raw/docs/i.png?as=image\"").count(), 2, "{prose}");
            assert!(prose.contains("href=\"https://img.example.com/l.png\">logo</a>"), "{prose}");
            assert!(prose.contains("not loaded\">build</span></a>"), "{prose}");
            assert!(page.contains("Scripts, drawings or frames in it are not shown."), "{page}");
            // What is left is there.
            assert!(
                prose.contains("href=\"/r/docs/-/blob/docs/guide.md?view=rendered#md-first-steps\""),
                "{prose}"
            );
            assert!(
                prose.contains("href=\"/r/docs/-/tree/docs\"") && prose.contains("id=\"md-the-app\""),
                "{prose}"
            );
            assert!(prose.contains("aria-label=done") && prose.contains("<td class=\"right\""), "{prose}");
            assert!(prose.contains("&lt;script&gt;alert(5)"), "{prose}");
        }
    });
}

#[test]
fn documents_are_shown_both_ways() {
    run(async {
        let world = world().await;
        let source = world.get(Who::Bob, "/r/docs/-/blob/docs/guide.md").await.text();
        assert!(
            source.contains("id=L1") && source.contains("/docs/guide.md?view=rendered\">Rendered"),
            "{source}"
        );
        let rendered = world.get(Who::Bob, "/r/docs@main/-/blob/docs/guide.md?view=rendered").await.text();
        assert!(!rendered.contains("id=L1") && rendered.contains("/docs/guide.md\">Source"), "{rendered}");
        assert!(rendered.contains("href=\"/r/docs@main/-/blob/README.md?view=rendered\""), "{rendered}");
        let folder = world.get(Who::Bob, "/r/docs/-/tree/docs").await.text();
        assert!(folder.contains("<pre class=plain") && folder.contains("&lt;b&gt;plain"), "{folder}");
        let drawing = world.get(Who::Bob, "/r/docs/-/blob/docs/d.svg?view=rendered").await.text();
        assert!(drawing.contains("<img src=\"/r/docs/-/raw/docs/d.svg?as=image\""), "{drawing}");
        assert!(!drawing.contains("alert(6)"), "{drawing}");
        let image = world.get(Who::Bob, "/r/docs/-/blob/docs/i.png").await.text();
        assert!(image.contains("PNG image") && image.contains("raw/docs/i.png?as=image"), "{image}");
        let document = world.get(Who::Bob, "/r/docs/-/blob/docs/p.pdf").await.text();
        assert!(document.contains("PDF document") && !document.contains("<embed"), "{document}");
    });
}

#[test]
fn images_are_sent_as_images_and_nothing_else() {
    run(async {
        let world = world().await;
        for (path, media_type, disposition) in [
            ("docs/i.png", "image/png", "inline"),
            ("docs/d.svg", "image/svg+xml", "attachment"),
            ("docs/p.pdf", "application/octet-stream", "attachment"),
            ("README.md", "text/plain; charset=utf-8", "inline"),
        ] {
            let sent = world.get(Who::Bob, &format!("/r/docs/-/raw/{path}?as=image")).await;
            assert_eq!(sent.header("content-type"), media_type, "{path}");
            assert!(sent.header("content-disposition").starts_with(disposition), "{path}");
            assert!(sent.header("content-security-policy").ends_with("sandbox"), "{path}");
            assert_eq!(sent.header("x-content-type-options"), "nosniff", "{path}");
        }
    });
}

/// Threats X: what code gave, and what stands beside it, runs nowhere.
#[test]
fn a_notebook_is_shown_and_has_nothing_live() {
    run(async {
        let world = world().await;
        let page = world.get(Who::Bob, "/r/docs/-/blob/docs/n.ipynb?view=rendered").await.text();
        let prose = page.split("<div class=\"prose\">").nth(1).expect("the document");
        let prose = prose.split("<footer").next().expect("it");
        for live in ["<script", "<svg onload", "<img src=x", "<b>x</b>"] {
            assert!(!prose.contains(live), "{live}: {prose}");
        }
        assert!(
            prose.contains("id=\"md-tides\"") && prose.contains("/-/blob/README.md?view=rendered"),
            "{prose}"
        );
        assert!(prose.contains("[3]") && prose.contains("<span"), "coloured: {prose}");
        // HTML and SVG as their source, images by their bytes alone.
        assert!(prose.contains("&lt;img src=x onerror=alert(2)&gt;"), "{prose}");
        assert!(
            prose.contains("no image") && prose.contains("&lt;/pre&gt;&lt;script&gt;alert(4)"),
            "{prose}"
        );
        assert!(prose.contains("This cell cannot be read"), "{prose}");
        let images: Vec<&str> = prose.split("<img ").skip(1).collect();
        assert_eq!(images.len(), 1, "{prose}");
        assert!(images[0].contains("width=\"2\" height=\"3\""), "{}", images[0]);
        let source =
            images[0].split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an address");
        let sent = world.get(Who::Bob, &source.replace("&amp;", "&")).await;
        assert_eq!((sent.status.as_u16(), sent.header("content-type")), (200, "image/png"));
        assert!(sent.header("content-security-policy").ends_with("sandbox"));
        for (cell, output) in [(1, 0), (1, 2), (0, 0), (9, 0), (1, 9)] {
            let other = format!("/r/docs/-/raw/docs/n.ipynb?as=image&cell={cell}&output={output}");
            assert_eq!(world.get(Who::Bob, &other).await.status, 404, "{cell} {output}");
        }
        let cut = world.get(Who::Bob, "/r/docs/-/blob/docs/cut.ipynb?view=rendered").await.text();
        assert!(cut.contains("cannot be shown as a notebook"), "{cut}");
        // The source is there as ever.
        let text = world.get(Who::Bob, "/r/docs/-/blob/docs/n.ipynb").await.text();
        assert!(text.contains("id=L1") && text.contains("nbformat"), "{text}");
    });
}

/// A document that speaks of hidden files tells nothing of them to who reads a part.
#[test]
fn documents_do_not_tell_what_is_hidden() {
    run(async {
        let world = world().await;
        let form = "repo=docs&act=save&for=account&name=bob&rules=**%0A-keys/&tries=";
        assert_eq!(world.post(Who::Ada, "/admin/rules", form).await.status, 303);
        let page = world.get(Who::Bob, "/r/docs/-/blob/docs/guide.md?view=rendered").await.text();
        for name in ["k", "none"] {
            assert!(page.contains(&format!("src=\"/r/docs/-/raw/keys/{name}.png?as=image\"")), "{page}");
        }
        for (there, nowhere) in [
            ("k.png?as=image", "none.png?as=image"),
            ("n.ipynb?as=image&cell=1&output=1", "o.ipynb?as=image&cell=1&output=1"),
        ] {
            let hidden = world.get(Who::Bob, &format!("/r/docs/-/raw/keys/{there}")).await;
            let unknown = world.get(Who::Bob, &format!("/r/docs/-/raw/keys/{nowhere}")).await;
            assert_eq!(hidden.status, 404, "{there}");
            assert_eq!(hidden.body, unknown.body, "{there}");
        }
    });
}
