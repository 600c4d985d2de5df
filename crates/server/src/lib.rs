//! HTTP, pages, streams: the only crate that knows JSON and HTML.
