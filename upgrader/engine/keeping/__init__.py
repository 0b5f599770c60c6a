"""What a run leaves behind: journal, directory, copy in the cluster, consents."""
