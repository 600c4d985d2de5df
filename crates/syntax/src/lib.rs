//! Languages: detection, decoding, classification, highlighting.
