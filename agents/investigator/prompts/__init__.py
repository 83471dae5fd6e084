"""The prompts, as files: our own words only. Evidence never enters here."""
