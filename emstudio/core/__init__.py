"""The mathematics and the frozen data: numpy and scipy only; no Qt, no file reading."""
