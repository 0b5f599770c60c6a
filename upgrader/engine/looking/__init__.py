"""Questions that change nothing: is it still so, what would happen, may it be left like this?"""
