; Added to the JSON grammar's own query, whose first pattern is meant to win.
(pair key: (string) @property)
