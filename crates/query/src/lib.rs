//! The query language: lexer, parser, tree, printer, spans.
