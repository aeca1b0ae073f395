"""`sql`: compiles a selection to one SQL statement; pure."""
