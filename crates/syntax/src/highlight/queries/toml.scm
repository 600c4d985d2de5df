; Instead of the TOML grammar's own query, which colours whole pairs.
(comment) @comment
(bare_key) @property
(quoted_key) @property
(table (bare_key) @type)
(table (dotted_key (bare_key) @type))
(table_array_element (bare_key) @type)
(table_array_element (dotted_key (bare_key) @type))
(string) @string
(escape_sequence) @escape
(integer) @number
(float) @number
(boolean) @constant
[(offset_date_time) (local_date_time) (local_date) (local_time)] @number
