"""A marketing back office whose marketing lists stay in step with Dotdigital, both ways."""
