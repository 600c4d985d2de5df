; Added to the C grammar's own query.
"goto" @keyword
(preproc_def name: (identifier) @function.macro)
(preproc_function_def name: (identifier) @function.macro)
(escape_sequence) @string.escape
[(true) (false)] @constant
["!" "~" "%" "/" "|" "^" "<=" ">=" "<<" ">>" "?" "&=" "|=" "^=" "<<=" ">>=" "*=" "/=" "%="] @operator
