"""Many tasks: noise they share, discoveries, arrivals, forecasts."""
