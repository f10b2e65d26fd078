"""From plans to tasks, and the functions the tasks run."""
