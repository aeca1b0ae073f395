"""`_nemo_fields`: fields of NEMO's lists (8.1.5) that no record takes, by list.

They are named so that a field which a later NEMO adds is noticed. People's fields are not here:
they are dropped, and counted, where their row is mapped.
"""

ACCOUNT_IGNORED = ("start_date", "active")
PROJECT_IGNORED = (
    *("name", "start_date", "active", "discipline", "project_types", "only_allow_tools"),
    *("project_calendar_color", "allow_consumable_withdrawals", "allow_staff_charges"),
)
TOOL_IGNORED = (
    # looks, and workings of NEMO itself
    *("_image", "_tool_calendar_color", "_tool_reservation_calendar_color", "_properties"),
    *("_core_facility", "_operation_mode", "_abuse_weight", "_problem_shutdown_enabled"),
    # who may touch it
    *("_qualification_reminder_days", "_qualification_expiration_days"),
    *("_qualification_expiration_never_used_days", "_requires_area_occupancy_minimum"),
    *("_requires_area_access", "_ask_to_leave_area_when_done_using", "_interlock"),
    "_grant_badge_reader_access_upon_qualification",
    "_grant_physical_access_level_upon_qualification",
    # by which rules NEMO takes a booking
    *("_reservation_horizon", "_minimum_usage_block_time", "_maximum_usage_block_time"),
    *("_maximum_reservations_per_day", "_maximum_future_reservations"),
    *("_minimum_time_between_reservations", "_maximum_future_reservation_time"),
    *("_missed_reservation_threshold", "_late_cancellation_reservation_threshold"),
    *("_max_delayed_logoff", "_policy_off_between_times", "_policy_off_start_time"),
    *("_policy_off_end_time", "_policy_off_weekend"),
)
STATUS_IGNORED = (
    *("name", "category", "in_use", "visible", "operational", "non_operational_since"),
    *("problematic", "problematic_since", "outages", "outages_since"),
    *("partial_outages", "partial_outages_since"),
    *("required_resources_unavailable", "required_resources_unavailable_since"),
    *("optional_resources_unavailable", "optional_resources_unavailable_since"),
)
"""Tools, outages and tasks say the same with their times."""
