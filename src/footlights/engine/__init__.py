"""Tasks with content-addressed results: run once, reused while request and bytes match, resumable after anything."""
