//! What users of this crate rely on.
