"""The only room that changes a cluster: intent on disk, one writer per mesh, looks before and after every change.

``session`` holds a run for one process; ``runner`` is the loop; ``lifecycle`` the phases; ``lease`` the lock. In ``driving`` one
step is carried out, in ``keeping`` it is remembered, in ``looking`` nothing is changed.
"""
