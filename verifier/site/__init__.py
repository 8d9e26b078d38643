"""The site that a venue publishes: pages that are files, and a check page that verifies where it is opened."""
