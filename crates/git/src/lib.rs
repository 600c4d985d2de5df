//! Reads objects with a library; talks to remotes through the hardened git program.
