"""The report: analysis, tables (each once), figures, HTML, its folder; and that of many runs."""
