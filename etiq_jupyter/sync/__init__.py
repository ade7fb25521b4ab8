"""From this disk to the dashboard: transport, uploader, courier, recorder."""
