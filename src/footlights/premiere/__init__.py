"""A premiere: a finished stream shown as if it were live, from files, at a time everybody knows."""
