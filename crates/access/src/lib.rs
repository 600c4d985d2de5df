//! Identities, sessions, tokens, grants, and the only builder of access sets.
