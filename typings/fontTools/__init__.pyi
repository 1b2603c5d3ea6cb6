# The part of fontTools 4 that the tests use.
