//! What becomes of notebooks, honest and hostile ones.

use prose::{Cell, CellText, ImageKind, NotANotebook, Output, OutputImage, Shown, notebook, notebook_image};

/// The beginning of a PNG of 2 × 3 pixels.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAAD";

fn cells(text: &str) -> Vec<Cell> {
    notebook(text).expect("a notebook").cells
}

fn code_cell(outputs: &str) -> String {
    format!("{{\"cells\":[{{\"cell_type\":\"code\",\"source\":\"x\",\"outputs\":[{outputs}]}}]}}")
}

fn output(output: &str) -> Output {
    match cells(&code_cell(output)).remove(0) {
        Cell::Code { mut outputs, .. } => outputs.remove(0),
        cell => panic!("{cell:?}"),
    }
}

fn text(text: &str) -> CellText {
    CellText { text: text.to_owned(), n_bytes_more: 0 }
}

#[test]
fn cells_are_told() {
    let read = notebook(
        r##"{"nbformat": 4, "metadata": {"kernelspec": {"language": "julia"}, "language_info": {"name": "python"}}, "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": ["# Tides\n", "and ships"]},
            {"cell_type": "code", "execution_count": 7, "source": "tide()", "outputs": [
                {"output_type": "stream", "name": "stderr", "text": ["a\n", "b"]},
                {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\u001b[0;31mE\u001b[0m", "v"]},
                {"output_type": "error", "ename": "E", "evalue": "v", "traceback": 7}]},
            {"cell_type": "raw", "source": "r"}]}"##,
    )
    .unwrap();
    assert_eq!((read.language.as_deref(), read.n_cells), (Some("python"), 3));
    assert_eq!(read.cells[0], Cell::Markdown(text("# Tides\nand ships")));
    assert_eq!(read.cells[2], Cell::Raw(text("r")));
    let Cell::Code { count, outputs, .. } = &read.cells[1] else { panic!("{:?}", read.cells) };
    assert_eq!(*count, Some(7));
    let said: Vec<_> = outputs.iter().map(|output| (&output.shown, output.is_error)).collect();
    let says = |said: &str| Shown::Text(text(said));
    assert_eq!(said, [(&says("a\nb"), true), (&says("E\nv"), true), (&says("E: v"), true)]);
}

#[test]
fn outputs_are_text_or_images_by_their_bytes() {
    let html =
        r#"{"output_type":"execute_result","data":{"text/html":"<script>x</script>","text/plain":["a"]}}"#;
    let read = output(html);
    assert_eq!((read.shown, read.hidden), (Shown::Text(text("a")), vec!["HTML"]));
    for (form, name) in [
        ("text/html", "HTML"),
        ("image/svg+xml", "SVG"),
        ("application/javascript", "JavaScript"),
        ("text/latex", "LaTeX"),
    ] {
        let read = output(&format!("{{\"output_type\":\"display_data\",\"data\":{{\"{form}\":\"<s>\"}}}}"));
        assert_eq!(read.shown, Shown::Source(name, text("<s>")));
        assert!(read.hidden.is_empty());
    }
    let image = |form: &str, bytes: &str| {
        let output_json = format!(
            "{{\"output_type\":\"display_data\",\"data\":{{\"{form}\":\"{bytes}\",\"text/plain\":\"a\"}}}}"
        );
        (output(&output_json).shown, notebook_image(&code_cell(&output_json), 0, 0).map(|(kind, _)| kind))
    };
    let told = Shown::Image(OutputImage { kind: ImageKind::Png, extent: Some((2, 3)) });
    assert_eq!(image("image/png", &format!("{PNG}\\n")), (told, Some(ImageKind::Png)));
    // An SVG, or HTML, that says it is a PNG; what is no base64 at all; an image that is larger than any.
    for bytes in ["PHN2Zz4=", "PGh0bWw+", "%%%", "", &format!("{PNG}{}", "A".repeat(12 << 20))] {
        assert_eq!(image("image/png", bytes), (Shown::Text(text("a")), None));
    }
    for jpeg in ["/9j/", "/9j/wAAAAAAAAAAA", "/9j/4AAA4AAA4AAA"] {
        let told = Shown::Image(OutputImage { kind: ImageKind::Jpeg, extent: None });
        assert_eq!(image("image/jpeg", jpeg), (told, Some(ImageKind::Jpeg)), "{jpeg}");
    }
}

/// Threats T: a notebook of 10⁵ cells, of deep JSON, without an end, of the wrong types.
#[test]
fn hostile_notebooks_have_limits() {
    let many = format!("{{\"cells\":[{}0]}}", "{\"cell_type\":\"raw\",\"source\":\"x\"},".repeat(100_000));
    let read = notebook(&many).unwrap();
    assert_eq!((read.cells.len(), read.n_cells), (1_000, 100_001));

    let outputs = format!("{}7", "{\"output_type\":\"stream\",\"text\":\"y\"},".repeat(100_000));
    match &cells(&code_cell(&outputs))[0] {
        Cell::Code { outputs, n_outputs, .. } => assert_eq!((outputs.len(), *n_outputs), (50, 100_001)),
        cell => panic!("{cell:?}"),
    }

    let long = format!("{{\"cells\":[{{\"cell_type\":\"raw\",\"source\":\"{}\"}}]}}", "é".repeat(1 << 20));
    match &cells(&long)[0] {
        Cell::Raw(cut) => assert_eq!(cut.text.len() + cut.n_bytes_more, 2 << 20),
        cell => panic!("{cell:?}"),
    }
    let cell = format!("{{\"cell_type\":\"raw\",\"source\":\"{}\"}}", "a".repeat(50_000));
    let read = notebook(&format!("{{\"cells\":[{}]}}", [cell.as_str(); 100].join(","))).unwrap();
    let n_bytes: usize = read
        .cells
        .iter()
        .map(|cell| match cell {
            Cell::Raw(cut) => cut.text.len(),
            cell => panic!("{cell:?}"),
        })
        .sum();
    assert!(n_bytes <= 1 << 20 && read.cells.len() < read.n_cells, "{n_bytes} in {}", read.cells.len());

    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let deep_cell = format!(
        "{{\"metadata\":{deep},\"cells\":[{{\"cell_type\":\"raw\",\"source\":{deep}}},{{\"cell_type\":\"raw\",\
         \"source\":\"a\",\"metadata\":{deep}}}]}}"
    );
    assert_eq!(cells(&deep_cell), [Cell::Unreadable, Cell::Raw(text("a"))]);

    let whole =
        code_cell(&format!("{{\"output_type\":\"display_data\",\"data\":{{\"image/png\":\"{PNG}\"}}}}"));
    for end in 0..whole.len() {
        assert_eq!(notebook(&whole[..end]), Err(NotANotebook::Broken), "{end}");
        assert_eq!(notebook_image(&whole[..end], 0, 0), None);
    }
    for none in ["[]", "7", "\"a\""] {
        assert!(notebook(none).is_err(), "{none}");
    }
    for none in ["{}", "{\"cells\":7}", "{\"cells\":{}}", "{\"cells\":null}", "{\"worksheets\":[]}"] {
        assert_eq!(notebook(none), Err(NotANotebook::NoCells), "{none}");
    }
    for wrong in
        ["7", "null", "\"a\"", "[]", "{}", "{\"cell_type\":7}", "{\"cell_type\":\"odd\",\"source\":\"a\"}"]
    {
        assert_eq!(cells(&format!("{{\"cells\":[{wrong}]}}")), [Cell::Unreadable], "{wrong}");
    }
    for wrong in
        ["7", "{}", "{\"output_type\":\"display_data\",\"data\":7}", "{\"output_type\":\"display_data\"}"]
    {
        assert_eq!(output(wrong), Output::default(), "{wrong}");
    }
}
