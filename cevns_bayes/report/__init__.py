"""The report: analysis, tables (each once), figures, HTML, the folder that holds them; many runs."""
