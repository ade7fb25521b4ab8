"""HTTP: declared endpoints, one guard, one mapping of errors, OpenAPI, the single page app."""
