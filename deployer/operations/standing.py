# Overwritten by mistake by another edit at 05:44 (a file of the same name): write your own text here again.
# The other file is put_back.py now.
