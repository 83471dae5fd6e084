"""What we know: one Markdown file per alert, front matter for machines and prose for people.

A runbook informs a diagnosis and narrows which actions may be proposed; it executes nothing. Own
words only; a shell command to paste, a link to run or a value that belongs to one cluster may never enter.
"""
