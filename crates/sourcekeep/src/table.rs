//! Lists for people: columns as wide as they need to be.

use crate::terminal;

/// Prints rows under a heading, columns two spaces apart. The last column may be as long as it likes.
pub(crate) fn print(heading: &[&str], rows: &[Vec<String>]) {
    for line in lines(heading, rows) {
        terminal::print_line(line);
    }
}

fn lines(heading: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let heading: Vec<String> = heading.iter().map(|cell| cell.to_string()).collect();
    let cells = |row: &[String]| -> Vec<String> {
        row.iter().map(|cell| terminal::harmless(cell).replace('\t', " ")).collect()
    };
    let all: Vec<Vec<String>> = std::iter::once(&heading).chain(rows).map(|row| cells(row)).collect();
    let width = |column: usize| {
        all.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    all.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, width) in row.iter().zip(widths) {
        text.push_str(cell);
        text.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count()));
    }
    text.trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [vec!["é".to_string(), "ready".to_string()], vec!["long name".into(), "x\u{1b}".into()]];
        assert_eq!(
            lines(&["NAME", "STATUS"], &rows),
            ["NAME       STATUS", "é          ready", "long name  x\u{fffd}"]
        );
    }
}
