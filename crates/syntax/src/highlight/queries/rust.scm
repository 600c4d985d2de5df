; Added to the Rust grammar's own query, which takes numbers for constants.
[(integer_literal) (float_literal)] @number
