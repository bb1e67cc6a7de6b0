"""From evidence to an answer: decision, sensitivity, calibration, words."""
