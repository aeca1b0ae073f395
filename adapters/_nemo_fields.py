"""`_nemo_fields`: lists and fields of NEMO (8.1.5) that are not read, and why.

They are named so that a list or field which a later NEMO adds is noticed. People's fields are not
here: they are dropped, and counted, where their row is mapped.
"""

_PEOPLE = "of persons"
_RIGHTS = "who may do what in NEMO"
_INNER = "workings or looks of NEMO"
_WORDS = "talk among users and staff"
_GOODS = "goods that are handed out, without price and mostly without a tool"
_FORMS = "questions that users answer; answers are free text"

NOT_TAKEN: dict[str, str] = {
    **dict.fromkeys(("users", "user_types", "user_documents", "user_preferences"), _PEOPLE),
    **dict.fromkeys(("user_calendar_tool_lists", "qualifications", "membership_history"), _PEOPLE),
    **dict.fromkeys(("buddy_requests", "temporary_physical_access_requests"), _PEOPLE),
    **dict.fromkeys(("auth_groups", "auth_permissions", "physical_access_levels"), _RIGHTS),
    **dict.fromkeys(("tool_qualification_groups", "tool_credentials"), _RIGHTS),
    **dict.fromkeys(("content_types", "customizations", "metadata"), _INNER),
    **dict.fromkeys(("interlocks", "interlock_cards", "interlock_card_categories"), _INNER),
    **dict.fromkeys(("alerts", "alert_categories", "tool_comments"), _WORDS),
    **dict.fromkeys(("staff_assistance_requests", "adjustment_requests"), _WORDS),
    **dict.fromkeys(("consumables", "consumable_categories", "consumable_withdrawals"), _GOODS),
    "recurring_consumable_charges": _GOODS,
    **dict.fromkeys(("reservation_questions", "tool_usage_questions"), _FORMS),
    **dict.fromkeys(("configurations", "reservation_configuration_options"), _FORMS),
    "area_access_records": "who was in which room when: of persons, and no tool is taken by it",
    "billing": "says again, with names of users, what uses and bookings say; it has no prices",
    "staff_charges": "hours of persons without a tool; that a use had one is told by the use",
    "training_sessions": "one row for each trainee: hours of a group would count several times; "
    "the use that it was is marked as training",
    "tool_usage_counters": "totals that staff set to zero; hours come from the uses",
    "project_disciplines": "a word of the laboratory's own",
    "resource_categories": "a word of the laboratory's own",
    "sensors/sensor_categories": "a word of the laboratory's own",
    **dict.fromkeys(("sensors/sensor_cards", "sensors/sensor_card_categories"), _INNER),
    **dict.fromkeys(("sensors/sensor_alert_emails", "sensors/sensor_alert_logs"), _WORDS),
}
"""Lists of the API that no adapter reads, with the reason."""

BOOKING_RULES = (
    *("reservation_horizon", "minimum_usage_block_time", "maximum_usage_block_time"),
    *("maximum_reservations_per_day", "maximum_future_reservations"),
    *("minimum_time_between_reservations", "maximum_future_reservation_time"),
    *("missed_reservation_threshold", "late_cancellation_reservation_threshold"),
    *("policy_off_between_times", "policy_off_start_time"),
    *("policy_off_end_time", "policy_off_weekend", "abuse_weight"),
)
"""By which rules NEMO takes a booking, of a tool (with a leading `_`) and of an area."""

AREA_IGNORED = (
    *BOOKING_RULES,
    *("name", "category", "core_facility", "area_calendar_color"),
    *("area_reservation_calendar_color", "requires_reservation", "logout_grace_period"),
    *("auto_logout_time", "buddy_system_allowed", "maximum_capacity", "count_staff_in_occupancy"),
    *("count_service_personnel_in_occupancy", "reservation_warning"),
    *("lft", "rght", "tree_id", "level"),
)

ACCOUNT_IGNORED = ("start_date", "active")
PROJECT_IGNORED = (
    *("name", "start_date", "active", "discipline", "only_allow_tools"),
    *("project_calendar_color", "allow_consumable_withdrawals", "allow_staff_charges"),
)
TOOL_IGNORED = (
    # looks, and workings of NEMO itself
    *("_image", "_tool_calendar_color", "_tool_reservation_calendar_color", "_properties"),
    *("_core_facility", "_operation_mode", "_problem_shutdown_enabled"),
    # who may touch it
    *("_qualification_reminder_days", "_qualification_expiration_days"),
    *("_qualification_expiration_never_used_days", "_requires_area_occupancy_minimum"),
    *("_ask_to_leave_area_when_done_using", "_interlock"),
    "_grant_badge_reader_access_upon_qualification",
    "_grant_physical_access_level_upon_qualification",
    "_max_delayed_logoff",
    *(f"_{name}" for name in BOOKING_RULES),
)
STATUS_IGNORED = (
    *("name", "category", "in_use", "visible", "operational", "non_operational_since"),
    *("problematic", "problematic_since", "outages", "outages_since"),
    *("partial_outages", "partial_outages_since"),
    *("required_resources_unavailable", "required_resources_unavailable_since"),
    *("optional_resources_unavailable", "optional_resources_unavailable_since"),
)
"""Tools, outages and tasks say the same with their times."""
