"""Questions about the mesh as a whole: is there one, is it healthy, may it go where it is asked to go."""
