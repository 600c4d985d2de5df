//! The documentation says what the program does.

use query::{Options, filter_table_markdown, parse, predicate_table_markdown};
use std::path::Path;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/query-language.md");
    std::fs::read_to_string(path).expect("the page can be read")
}

/// With `QUERY_BLESS=1` in the environment the tables are written into the page.
#[test]
fn the_tables_of_the_page_are_those_of_the_program() {
    let mut page = page();
    for (name, table) in [("filters", filter_table_markdown()), ("predicates", predicate_table_markdown())] {
        let (begin, end) = (format!("<!-- {name}: generated -->\n"), format!("<!-- /{name} -->"));
        let start = page.find(&begin).expect("the table begins") + begin.len();
        let stop = page.find(&end).expect("the table ends");
        if std::env::var_os("QUERY_BLESS").is_some() {
            page.replace_range(start..stop, &table);
        } else {
            assert_eq!(&page[start..stop], table, "run the tests of `query` with QUERY_BLESS=1");
        }
    }
    if std::env::var_os("QUERY_BLESS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/query-language.md");
        std::fs::write(path, page).expect("the page can be written");
    }
}

#[test]
fn the_examples_of_the_page_are_queries() {
    let page = page();
    let mut n_examples = 0;
    for block in page.split("```query\n").skip(1) {
        let block = block.split("```").next().unwrap_or_default();
        for example in block.lines().map(str::trim).filter(|line| !line.is_empty()) {
            assert!(parse(example, &Options::default()).is_ok(), "{example}");
            n_examples += 1;
        }
    }
    assert!(n_examples >= 19, "{n_examples} examples");
}
