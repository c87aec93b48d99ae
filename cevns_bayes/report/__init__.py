"""The report: analysis, tables (each once), figures, HTML, and the folder that holds them."""
