//! Keeps mirrors fresh and segments in step.
