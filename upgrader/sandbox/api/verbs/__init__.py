"""What each verb does with its call."""
