"""Reports for auditors: figures with what they rest on, what was checked, and findings by severity."""
