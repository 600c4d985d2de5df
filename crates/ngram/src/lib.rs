//! One definition of a gram, shared by writing and asking.
