CREATE TABLE public.applications (
    id text NOT NULL COLLATE pg_catalog."C",
    application_uri text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    is_enabled boolean NOT NULL,
    client_type text NOT NULL COLLATE pg_catalog."C",
    internal_users boolean NOT NULL,
    external_users boolean NOT NULL,
    redirect_uris text NOT NULL COLLATE pg_catalog."C",
    post_logout_redirect_uris text NOT NULL COLLATE pg_catalog."C",
    backchannel_logout_uri text NOT NULL COLLATE pg_catalog."C",
    system_user_allowed boolean NOT NULL,
    system_user_id text NOT NULL COLLATE pg_catalog."C",
    scope text NOT NULL COLLATE pg_catalog."C",
    user_scope text COLLATE pg_catalog."C",
    service_scope text COLLATE pg_catalog."C",
    access_tokens text NOT NULL COLLATE pg_catalog."C",
    device_flow boolean NOT NULL,
    first_party boolean NOT NULL,
    secret_hash text NOT NULL COLLATE pg_catalog."C",
    basic_authentication boolean NOT NULL,
    notes text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    changed_at bigint NOT NULL,
    deleted_at bigint NOT NULL,
    version bigint NOT NULL
);
CREATE TABLE public.audit_events (
    id text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    application_uri text NOT NULL COLLATE pg_catalog."C",
    actor text NOT NULL COLLATE pg_catalog."C",
    flow text NOT NULL COLLATE pg_catalog."C",
    session_id text NOT NULL COLLATE pg_catalog."C",
    sign_in_id text NOT NULL COLLATE pg_catalog."C",
    token_id text NOT NULL COLLATE pg_catalog."C",
    remote_addr text NOT NULL COLLATE pg_catalog."C",
    detail text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.authorization_codes (
    hash bytea NOT NULL,
    application_uri text NOT NULL COLLATE pg_catalog."C",
    user_id text NOT NULL COLLATE pg_catalog."C",
    sign_in_id text NOT NULL COLLATE pg_catalog."C",
    auth_time bigint NOT NULL,
    redirect_uri text NOT NULL COLLATE pg_catalog."C",
    scope text NOT NULL COLLATE pg_catalog."C",
    nonce text NOT NULL COLLATE pg_catalog."C",
    code_challenge text NOT NULL COLLATE pg_catalog."C",
    issued_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    used_at bigint NOT NULL,
    family_id text NOT NULL COLLATE pg_catalog."C",
    token_id text NOT NULL COLLATE pg_catalog."C",
    token_expires_at bigint NOT NULL
);
CREATE TABLE public.client_assertions (
    id bytea NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE public.client_failures (
    key text NOT NULL COLLATE pg_catalog."C",
    minute bigint NOT NULL,
    failures bigint NOT NULL
);
CREATE TABLE public.credentials (
    id text NOT NULL COLLATE pg_catalog."C",
    application_id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    flow text NOT NULL COLLATE pg_catalog."C",
    secret_hash bytea NOT NULL,
    public_key text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    not_before bigint NOT NULL,
    expires_at bigint NOT NULL,
    last_used_at bigint NOT NULL
);
CREATE TABLE public.erp_contact_mechanisms (
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    name_text text NOT NULL COLLATE pg_catalog."C",
    contact_mechanism_type bigint NOT NULL,
    is_default boolean NOT NULL,
    is_active boolean NOT NULL,
    line_ord bigint NOT NULL,
    party text NOT NULL COLLATE pg_catalog."C",
    party_type bigint NOT NULL
);
CREATE TABLE public.erp_counters (
    name text NOT NULL COLLATE pg_catalog."C",
    value bigint NOT NULL
);
CREATE TABLE public.erp_currencies (
    id text NOT NULL COLLATE pg_catalog."C",
    object_version bigint NOT NULL,
    external_id text COLLATE pg_catalog."C",
    external_system text COLLATE pg_catalog."C",
    aggregate_last_update_time_utc bigint NOT NULL,
    additional_data_json text COLLATE pg_catalog."C",
    currency_sign text NOT NULL COLLATE pg_catalog."C",
    currency_sign_text text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    name_text text NOT NULL COLLATE pg_catalog."C",
    show_order bigint NOT NULL,
    is_active boolean NOT NULL
);
CREATE TABLE public.erp_current_balances (
    quantity_base bigint NOT NULL,
    base_cost bigint NOT NULL,
    enterprise_company text NOT NULL COLLATE pg_catalog."C",
    store text NOT NULL COLLATE pg_catalog."C",
    product text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.erp_customer_external_access (
    id text NOT NULL COLLATE pg_catalog."C",
    role bigint NOT NULL,
    days_back_access bigint,
    notes text COLLATE pg_catalog."C",
    customer text NOT NULL COLLATE pg_catalog."C",
    "user" text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.erp_customers (
    id text NOT NULL COLLATE pg_catalog."C",
    object_version bigint NOT NULL,
    external_id text COLLATE pg_catalog."C",
    external_system text COLLATE pg_catalog."C",
    aggregate_last_update_time_utc bigint NOT NULL,
    additional_data_json text COLLATE pg_catalog."C",
    number text COLLATE pg_catalog."C",
    number_text text COLLATE pg_catalog."C",
    active boolean NOT NULL,
    credit_limit bigint,
    default_payment_term_days bigint NOT NULL,
    grace_period_days bigint NOT NULL,
    default_delivery_term_days bigint NOT NULL,
    from_date bigint,
    thru_date bigint,
    party text NOT NULL COLLATE pg_catalog."C",
    party_type bigint NOT NULL,
    enterprise_company text COLLATE pg_catalog."C",
    default_currency text COLLATE pg_catalog."C"
);
CREATE TABLE public.erp_data_exchange_objects (
    id text NOT NULL COLLATE pg_catalog."C",
    exchange_result bigint NOT NULL,
    exchange_message text COLLATE pg_catalog."C",
    payload text COLLATE pg_catalog."C",
    repository_name text NOT NULL COLLATE pg_catalog."C",
    mode bigint NOT NULL,
    line_no bigint NOT NULL,
    data_exchange text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.erp_data_exchanges (
    id text NOT NULL COLLATE pg_catalog."C",
    object_version bigint NOT NULL,
    external_id text COLLATE pg_catalog."C",
    external_system text COLLATE pg_catalog."C",
    aggregate_last_update_time_utc bigint NOT NULL,
    additional_data_json text COLLATE pg_catalog."C",
    created_on bigint NOT NULL,
    exchanged_on bigint,
    mode bigint NOT NULL,
    state bigint NOT NULL,
    keep_until bigint NOT NULL,
    exchange_log text COLLATE pg_catalog."C",
    created_by_user text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.erp_document_types (
    id text NOT NULL COLLATE pg_catalog."C",
    object_version bigint NOT NULL,
    external_id text COLLATE pg_catalog."C",
    external_system text COLLATE pg_catalog."C",
    aggregate_last_update_time_utc bigint NOT NULL,
    additional_data_json text COLLATE pg_catalog."C",
    code text NOT NULL COLLATE pg_catalog."C",
    code_text text NOT NULL COLLATE pg_catalog."C",
    type_name text NOT NULL COLLATE pg_catalog."C",
    type_name_text text NOT NULL COLLATE pg_catalog."C",
    entity_name text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.erp_enterprise_companies (
    id text NOT NULL COLLATE pg_catalog."C",
    object_version bigint NOT NULL,
    external_id text COLLATE pg_catalog."C",
    external_system text COLLATE pg_catalog."C",
    aggregate_last_update_time_utc bigint NOT NULL,
    additional_data_json text COLLATE pg_catalog."C",
    is_active boolean NOT NULL,
    company text NOT NULL COLLATE pg_catalog."C",
    base_currency text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.erp_invoice_lines (
    id text NOT NULL COLLATE pg_catalog."C",
    line_no bigint NOT NULL,
    product_description text NOT NULL COLLATE pg_catalog."C",
    product_description_text text NOT NULL COLLATE pg_catalog."C",
    quantity bigint NOT NULL,
    quantity_base bigint NOT NULL,
    unit_price bigint NOT NULL,
    line_amount bigint NOT NULL,
    line_custom_discount_percent bigint NOT NULL,
    line_standard_discount_percent bigint NOT NULL,
    notes text COLLATE pg_catalog."C",
    invoice text NOT NULL COLLATE pg_catalog."C",
    business_reason bigint NOT NULL,
    product text COLLATE pg_catalog."C",
    quantity_unit text COLLATE pg_catalog."C",
    sales_order text COLLATE pg_catalog."C",
    parent_sales_order_line text COLLATE pg_catalog."C"
);
CREATE TABLE public.erp_invoices (
    id text NOT NULL COLLATE pg_catalog."C",
    object_version bigint NOT NULL,
    external_id text COLLATE pg_catalog."C",
    external_system text COLLATE pg_catalog."C",
    aggregate_last_update_time_utc bigint NOT NULL,
    additional_data_json text COLLATE pg_catalog."C",
    document_no text NOT NULL COLLATE pg_catalog."C",
    document_no_text text NOT NULL COLLATE pg_catalog."C",
    document_date bigint NOT NULL,
    document_notes text COLLATE pg_catalog."C",
    state bigint NOT NULL,
    void boolean NOT NULL,
    void_reason text COLLATE pg_catalog."C",
    entity_name text NOT NULL COLLATE pg_catalog."C",
    creation_time bigint NOT NULL,
    creation_user text NOT NULL COLLATE pg_catalog."C",
    release_time bigint,
    complete_time bigint,
    void_time bigint,
    reference_date bigint,
    reference_document_no text COLLATE pg_catalog."C",
    read_only boolean NOT NULL,
    total_line_amount bigint NOT NULL,
    amount_to_pay bigint NOT NULL,
    document_type text NOT NULL COLLATE pg_catalog."C",
    enterprise_company text NOT NULL COLLATE pg_catalog."C",
    enterprise_company_location text NOT NULL COLLATE pg_catalog."C",
    from_party text NOT NULL COLLATE pg_catalog."C",
    from_party_type bigint NOT NULL,
    to_party text COLLATE pg_catalog."C",
    to_party_type bigint,
    master_document text NOT NULL COLLATE pg_catalog."C",
    parent text COLLATE pg_catalog."C",
    responsible_person text COLLATE pg_catalog."C",
    assigned_to_user text COLLATE pg_catalog."C",
    customer text NOT NULL COLLATE pg_catalog."C",
    document_currency text NOT NULL COLLATE pg_catalog."C",
    apply_date bigint NOT NULL,
    payment_due_date bigint,
    delivery_date bigint,
    notes text COLLATE pg_catalog."C",
    credit_note_description text COLLATE pg_catalog."C",
    credit_note_original_invoice text COLLATE pg_catalog."C"
);
CREATE TABLE public.erp_measurement_categories (
    id text NOT NULL COLLATE pg_catalog."C",
    object_version bigint NOT NULL,
    external_id text COLLATE pg_catalog."C",
    external_system text COLLATE pg_catalog."C",
    aggregate_last_update_time_utc bigint NOT NULL,
    additional_data_json text COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    name_text text NOT NULL COLLATE pg_catalog."C",
    is_default boolean NOT NULL
);
CREATE TABLE public.erp_measurement_units (
    id text NOT NULL COLLATE pg_catalog."C",
    code text COLLATE pg_catalog."C",
    code_text text COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    name_text text NOT NULL COLLATE pg_catalog."C",
    multiplier bigint NOT NULL,
    divisor bigint NOT NULL,
    is_default_unit boolean NOT NULL,
    system_unit bigint,
    measurement_category text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.erp_parties (
    id text NOT NULL COLLATE pg_catalog."C",
    object_version bigint NOT NULL,
    external_id text COLLATE pg_catalog."C",
    external_system text COLLATE pg_catalog."C",
    aggregate_last_update_time_utc bigint NOT NULL,
    additional_data_json text COLLATE pg_catalog."C",
    party_code text NOT NULL COLLATE pg_catalog."C",
    party_code_text text NOT NULL COLLATE pg_catalog."C",
    party_name text NOT NULL COLLATE pg_catalog."C",
    party_name_text text NOT NULL COLLATE pg_catalog."C",
    party_type bigint NOT NULL,
    party_unique_number text COLLATE pg_catalog."C",
    gln text COLLATE pg_catalog."C",
    is_active boolean NOT NULL,
    party_notes text COLLATE pg_catalog."C",
    parent_party text COLLATE pg_catalog."C",
    parent_party_type bigint,
    name text COLLATE pg_catalog."C",
    name_text text COLLATE pg_catalog."C",
    registration_number text COLLATE pg_catalog."C",
    registration_number_text text COLLATE pg_catalog."C",
    registration_vat_number text COLLATE pg_catalog."C",
    registration_type text COLLATE pg_catalog."C",
    registration_type_text text COLLATE pg_catalog."C",
    city text COLLATE pg_catalog."C",
    city_text text COLLATE pg_catalog."C",
    registration_primary_address text COLLATE pg_catalog."C",
    registration_primary_address_text text COLLATE pg_catalog."C",
    is_vat_registered boolean,
    location_name text COLLATE pg_catalog."C",
    location_name_text text COLLATE pg_catalog."C",
    working_time text COLLATE pg_catalog."C",
    company text COLLATE pg_catalog."C",
    first_name text COLLATE pg_catalog."C",
    first_name_text text COLLATE pg_catalog."C",
    middle_name text COLLATE pg_catalog."C",
    middle_name_text text COLLATE pg_catalog."C",
    last_name text COLLATE pg_catalog."C",
    last_name_text text COLLATE pg_catalog."C",
    national_number text COLLATE pg_catalog."C",
    national_number_text text COLLATE pg_catalog."C",
    birth_date bigint,
    gender bigint,
    title text COLLATE pg_catalog."C",
    title_text text COLLATE pg_catalog."C",
    code text COLLATE pg_catalog."C",
    code_text text COLLATE pg_catalog."C",
    unmanaged boolean,
    store_group text COLLATE pg_catalog."C",
    enterprise_company text COLLATE pg_catalog."C",
    currency text COLLATE pg_catalog."C"
);
CREATE TABLE public.erp_product_groups (
    id text NOT NULL COLLATE pg_catalog."C",
    object_version bigint NOT NULL,
    external_id text COLLATE pg_catalog."C",
    external_system text COLLATE pg_catalog."C",
    aggregate_last_update_time_utc bigint NOT NULL,
    additional_data_json text COLLATE pg_catalog."C",
    code text NOT NULL COLLATE pg_catalog."C",
    code_text text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    name_text text NOT NULL COLLATE pg_catalog."C",
    active boolean NOT NULL,
    full_path text NOT NULL COLLATE pg_catalog."C",
    notes text COLLATE pg_catalog."C",
    parent_group text COLLATE pg_catalog."C",
    enterprise_company text COLLATE pg_catalog."C",
    default_measurement_unit text COLLATE pg_catalog."C"
);
CREATE TABLE public.erp_product_types (
    id text NOT NULL COLLATE pg_catalog."C",
    object_version bigint NOT NULL,
    external_id text COLLATE pg_catalog."C",
    external_system text COLLATE pg_catalog."C",
    aggregate_last_update_time_utc bigint NOT NULL,
    additional_data_json text COLLATE pg_catalog."C",
    code text NOT NULL COLLATE pg_catalog."C",
    code_text text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    name_text text NOT NULL COLLATE pg_catalog."C",
    is_stocked boolean NOT NULL,
    is_shipped boolean NOT NULL,
    is_serviced boolean NOT NULL,
    is_default boolean NOT NULL
);
CREATE TABLE public.erp_products (
    id text NOT NULL COLLATE pg_catalog."C",
    object_version bigint NOT NULL,
    external_id text COLLATE pg_catalog."C",
    external_system text COLLATE pg_catalog."C",
    aggregate_last_update_time_utc bigint NOT NULL,
    additional_data_json text COLLATE pg_catalog."C",
    part_number text NOT NULL COLLATE pg_catalog."C",
    part_number_text text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    name_text text NOT NULL COLLATE pg_catalog."C",
    short_name text COLLATE pg_catalog."C",
    short_name_text text COLLATE pg_catalog."C",
    description text COLLATE pg_catalog."C",
    description_text text COLLATE pg_catalog."C",
    catalog_description_html text COLLATE pg_catalog."C",
    active boolean NOT NULL,
    abc_class bigint,
    is_serialized boolean NOT NULL,
    show_in_catalog boolean NOT NULL,
    standard_price_per_lot bigint NOT NULL,
    standard_cost_per_lot bigint NOT NULL,
    standard_lot_size_base bigint NOT NULL,
    creation_time bigint,
    creation_user text COLLATE pg_catalog."C",
    update_time bigint,
    update_user text COLLATE pg_catalog."C",
    base_measurement_category text NOT NULL COLLATE pg_catalog."C",
    measurement_unit text NOT NULL COLLATE pg_catalog."C",
    product_group text NOT NULL COLLATE pg_catalog."C",
    product_type text NOT NULL COLLATE pg_catalog."C",
    costing_currency text COLLATE pg_catalog."C",
    enterprise_company text COLLATE pg_catalog."C"
);
CREATE TABLE public.erp_sales_order_lines (
    id text NOT NULL COLLATE pg_catalog."C",
    line_no bigint NOT NULL,
    product_description text NOT NULL COLLATE pg_catalog."C",
    product_description_text text NOT NULL COLLATE pg_catalog."C",
    quantity bigint NOT NULL,
    quantity_base bigint NOT NULL,
    unit_price bigint NOT NULL,
    line_amount bigint NOT NULL,
    line_custom_discount_percent bigint NOT NULL,
    line_standard_discount_percent bigint NOT NULL,
    notes text COLLATE pg_catalog."C",
    sales_order text NOT NULL COLLATE pg_catalog."C",
    required_delivery_date bigint,
    product text NOT NULL COLLATE pg_catalog."C",
    quantity_unit text NOT NULL COLLATE pg_catalog."C",
    line_store text COLLATE pg_catalog."C"
);
CREATE TABLE public.erp_sales_orders (
    id text NOT NULL COLLATE pg_catalog."C",
    object_version bigint NOT NULL,
    external_id text COLLATE pg_catalog."C",
    external_system text COLLATE pg_catalog."C",
    aggregate_last_update_time_utc bigint NOT NULL,
    additional_data_json text COLLATE pg_catalog."C",
    document_no text NOT NULL COLLATE pg_catalog."C",
    document_no_text text NOT NULL COLLATE pg_catalog."C",
    document_date bigint NOT NULL,
    document_notes text COLLATE pg_catalog."C",
    state bigint NOT NULL,
    void boolean NOT NULL,
    void_reason text COLLATE pg_catalog."C",
    entity_name text NOT NULL COLLATE pg_catalog."C",
    creation_time bigint NOT NULL,
    creation_user text NOT NULL COLLATE pg_catalog."C",
    release_time bigint,
    complete_time bigint,
    void_time bigint,
    reference_date bigint,
    reference_document_no text COLLATE pg_catalog."C",
    read_only boolean NOT NULL,
    total_line_amount bigint NOT NULL,
    amount_to_pay bigint NOT NULL,
    document_type text NOT NULL COLLATE pg_catalog."C",
    enterprise_company text NOT NULL COLLATE pg_catalog."C",
    enterprise_company_location text NOT NULL COLLATE pg_catalog."C",
    from_party text NOT NULL COLLATE pg_catalog."C",
    from_party_type bigint NOT NULL,
    to_party text COLLATE pg_catalog."C",
    to_party_type bigint,
    master_document text NOT NULL COLLATE pg_catalog."C",
    parent text COLLATE pg_catalog."C",
    responsible_person text COLLATE pg_catalog."C",
    assigned_to_user text COLLATE pg_catalog."C",
    customer text NOT NULL COLLATE pg_catalog."C",
    document_currency text NOT NULL COLLATE pg_catalog."C",
    customer_purchase_order_no text COLLATE pg_catalog."C",
    required_delivery_date bigint,
    payment_due_date bigint,
    invoice_no text COLLATE pg_catalog."C",
    ship_to_customer text COLLATE pg_catalog."C",
    store text COLLATE pg_catalog."C"
);
CREATE TABLE public.erp_store_groups (
    id text NOT NULL COLLATE pg_catalog."C",
    object_version bigint NOT NULL,
    external_id text COLLATE pg_catalog."C",
    external_system text COLLATE pg_catalog."C",
    aggregate_last_update_time_utc bigint NOT NULL,
    additional_data_json text COLLATE pg_catalog."C",
    code text NOT NULL COLLATE pg_catalog."C",
    code_text text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    name_text text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.users (
    id text NOT NULL COLLATE pg_catalog."C",
    login text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    email text NOT NULL COLLATE pg_catalog."C",
    email_verified boolean NOT NULL,
    locale text NOT NULL COLLATE pg_catalog."C",
    user_type text NOT NULL COLLATE pg_catalog."C",
    is_admin boolean NOT NULL,
    is_enabled boolean NOT NULL,
    password_hash text NOT NULL COLLATE pg_catalog."C",
    password_changed_at bigint NOT NULL,
    created_at bigint NOT NULL,
    changed_at bigint NOT NULL,
    version bigint NOT NULL
);
CREATE VIEW public.erp_users AS
 SELECT users.id,
    users.changed_at AS aggregate_last_update_time_utc,
    users.login,
    lower(users.login) AS login_text,
    users.name,
    lower(users.name) AS name_text,
        CASE
            WHEN (users.email = ''::text) THEN NULL::text
            ELSE users.email
        END AS email,
    users.email_verified AS email_confirmed,
    users.is_enabled AS active,
    users.is_admin,
        CASE users.user_type
            WHEN 'InternalUser'::text THEN 0
            WHEN 'ExternalCommunityUser'::text THEN 1
            WHEN 'VirtualUserNoLogin'::text THEN 2
            WHEN 'SystemUserNoLogin'::text THEN 3
            WHEN 'ApplicationUserNoLogin'::text THEN 4
            WHEN 'InvitationInternalNoLogin'::text THEN 5
            WHEN 'InvitationExternalNoLogin'::text THEN 6
            ELSE NULL::integer
        END AS user_type,
        CASE
            WHEN (users.locale = ''::text) THEN NULL::text
            ELSE users.locale
        END AS default_language,
    users.created_at AS creation_time_utc
   FROM public.users;
CREATE TABLE public.instance (
    name text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.licence (
    id bigint NOT NULL,
    layout text NOT NULL COLLATE pg_catalog."C",
    changes bigint NOT NULL
);
CREATE TABLE public.principal_names (
    name text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.refresh_families (
    id text NOT NULL COLLATE pg_catalog."C",
    application_uri text NOT NULL COLLATE pg_catalog."C",
    user_id text NOT NULL COLLATE pg_catalog."C",
    user_type text NOT NULL COLLATE pg_catalog."C",
    sign_in_id text NOT NULL COLLATE pg_catalog."C",
    auth_time bigint NOT NULL,
    scope text NOT NULL COLLATE pg_catalog."C",
    secret bytea NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    generation bigint NOT NULL,
    rotated_at bigint NOT NULL,
    token_id text NOT NULL COLLATE pg_catalog."C",
    token_expires_at bigint NOT NULL,
    ended_at bigint NOT NULL,
    end_reason text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.revoked_tokens (
    token_id text NOT NULL COLLATE pg_catalog."C",
    revoked_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE public.sessions (
    id text NOT NULL COLLATE pg_catalog."C",
    session_key text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    user_login text NOT NULL COLLATE pg_catalog."C",
    user_id text NOT NULL COLLATE pg_catalog."C",
    application_uri text NOT NULL COLLATE pg_catalog."C",
    service_instance text NOT NULL COLLATE pg_catalog."C",
    slot bigint NOT NULL,
    reserved boolean NOT NULL,
    remote_addr text NOT NULL COLLATE pg_catalog."C",
    multiplexed boolean NOT NULL,
    opened_at bigint NOT NULL,
    last_request_at bigint NOT NULL,
    absolute_expires_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    requests bigint NOT NULL,
    ended_at bigint NOT NULL,
    end_reason text NOT NULL COLLATE pg_catalog."C",
    ended_change bigint NOT NULL
);
CREATE TABLE public.sign_in_attempts (
    key text NOT NULL COLLATE pg_catalog."C",
    failures bigint NOT NULL,
    last_at bigint NOT NULL,
    blocked_until bigint NOT NULL
);
CREATE TABLE public.sign_ins (
    id text NOT NULL COLLATE pg_catalog."C",
    cookie_hash bytea NOT NULL,
    user_id text NOT NULL COLLATE pg_catalog."C",
    auth_time bigint NOT NULL,
    amr text NOT NULL COLLATE pg_catalog."C",
    keep boolean NOT NULL,
    created_at bigint NOT NULL,
    last_seen_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    ended_at bigint NOT NULL
);
CREATE TABLE public.signing_keys (
    id text NOT NULL COLLATE pg_catalog."C",
    key_use text NOT NULL COLLATE pg_catalog."C",
    generation bigint NOT NULL,
    sealed bytea NOT NULL,
    created_at bigint NOT NULL,
    activate_at bigint NOT NULL
);
CREATE TABLE public.tandem_schema (
    id integer NOT NULL,
    version_id bigint NOT NULL,
    is_applied boolean NOT NULL,
    tstamp timestamp without time zone DEFAULT now() NOT NULL
);
ALTER TABLE public.tandem_schema ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.tandem_schema_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
INSERT INTO public.applications (id, application_uri, name, is_enabled, client_type, internal_users, external_users, redirect_uris, post_logout_redirect_uris, backchannel_logout_uri, system_user_allowed, system_user_id, scope, user_scope, service_scope, access_tokens, device_flow, first_party, secret_hash, basic_authentication, notes, created_at, changed_at, deleted_at, version) VALUES ('x', 'com.Example/Portal', 'x', true, 'x', true, true, 'x', 'x', 'x', true, 'x', 'x', 'x', 'x', 'x', true, true, 'x', true, 'x', 1, 1, 0, 1);
INSERT INTO public.audit_events (id, at, kind, application_uri, actor, flow, session_id, sign_in_id, token_id, remote_addr, detail) VALUES ('x', 1, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x');
INSERT INTO public.authorization_codes (hash, application_uri, user_id, sign_in_id, auth_time, redirect_uri, scope, nonce, code_challenge, issued_at, expires_at, used_at, family_id, token_id, token_expires_at) VALUES ('\x78', 'x', 'x', 'x', 1, 'x', 'x', 'x', 'x', 1, 1, 1, 'x', 'x', 1);
INSERT INTO public.client_assertions (id, expires_at) VALUES ('\x78', 1);
INSERT INTO public.client_failures (key, minute, failures) VALUES ('x', 1, 1);
INSERT INTO public.credentials (id, application_id, kind, flow, secret_hash, public_key, created_at, not_before, expires_at, last_used_at) VALUES ('x', 'x', 'x', 'x', '\x78', 'x', 1, 1, 1, 1);
INSERT INTO public.erp_contact_mechanisms (id, name, name_text, contact_mechanism_type, is_default, is_active, line_ord, party, party_type) VALUES ('x', 'x', 'x', 1, true, true, 1, 'x', 1);
INSERT INTO public.erp_counters (name, value) VALUES ('x', 1);
INSERT INTO public.erp_currencies (id, object_version, external_id, external_system, aggregate_last_update_time_utc, additional_data_json, currency_sign, currency_sign_text, name, name_text, show_order, is_active) VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', 'x', 'x', 1, true);
INSERT INTO public.erp_current_balances (quantity_base, base_cost, enterprise_company, store, product) VALUES (1, 1, 'x', 'x', 'x');
INSERT INTO public.erp_customer_external_access (id, role, days_back_access, notes, customer, "user") VALUES ('x', 1, 1, 'x', 'x', 'x');
INSERT INTO public.erp_customers (id, object_version, external_id, external_system, aggregate_last_update_time_utc, additional_data_json, number, number_text, active, credit_limit, default_payment_term_days, grace_period_days, default_delivery_term_days, from_date, thru_date, party, party_type, enterprise_company, default_currency) VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', true, 1, 1, 1, 1, 1, 1, 'x', 1, 'x', 'x');
INSERT INTO public.erp_data_exchange_objects (id, exchange_result, exchange_message, payload, repository_name, mode, line_no, data_exchange) VALUES ('x', 1, 'x', 'x', 'x', 1, 1, 'x');
INSERT INTO public.erp_data_exchanges (id, object_version, external_id, external_system, aggregate_last_update_time_utc, additional_data_json, created_on, exchanged_on, mode, state, keep_until, exchange_log, created_by_user) VALUES ('x', 1, 'x', 'x', 1, 'x', 1, 1, 1, 1, 1, 'x', 'x');
INSERT INTO public.erp_document_types (id, object_version, external_id, external_system, aggregate_last_update_time_utc, additional_data_json, code, code_text, type_name, type_name_text, entity_name) VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', 'x', 'x', 'x');
INSERT INTO public.erp_enterprise_companies (id, object_version, external_id, external_system, aggregate_last_update_time_utc, additional_data_json, is_active, company, base_currency) VALUES ('x', 1, 'x', 'x', 1, 'x', true, 'x', 'x');
INSERT INTO public.erp_invoice_lines (id, line_no, product_description, product_description_text, quantity, quantity_base, unit_price, line_amount, line_custom_discount_percent, line_standard_discount_percent, notes, invoice, business_reason, product, quantity_unit, sales_order, parent_sales_order_line) VALUES ('x', 1, 'x', 'x', 1, 1, 1, 1, 1, 1, 'x', 'x', 1, 'x', 'x', 'x', 'x');
INSERT INTO public.erp_invoices (id, object_version, external_id, external_system, aggregate_last_update_time_utc, additional_data_json, document_no, document_no_text, document_date, document_notes, state, void, void_reason, entity_name, creation_time, creation_user, release_time, complete_time, void_time, reference_date, reference_document_no, read_only, total_line_amount, amount_to_pay, document_type, enterprise_company, enterprise_company_location, from_party, from_party_type, to_party, to_party_type, master_document, parent, responsible_person, assigned_to_user, customer, document_currency, apply_date, payment_due_date, delivery_date, notes, credit_note_description, credit_note_original_invoice) VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', 1, 'x', 1, true, 'x', 'x', 1, 'x', 1, 1, 1, 1, 'x', true, 1, 1, 'x', 'x', 'x', 'x', 1, 'x', 1, 'x', 'x', 'x', 'x', 'x', 'x', 1, 1, 1, 'x', 'x', 'x');
INSERT INTO public.erp_measurement_categories (id, object_version, external_id, external_system, aggregate_last_update_time_utc, additional_data_json, name, name_text, is_default) VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', true);
INSERT INTO public.erp_measurement_units (id, code, code_text, name, name_text, multiplier, divisor, is_default_unit, system_unit, measurement_category) VALUES ('x', 'x', 'x', 'x', 'x', 1, 1, true, 1, 'x');
INSERT INTO public.erp_parties (id, object_version, external_id, external_system, aggregate_last_update_time_utc, additional_data_json, party_code, party_code_text, party_name, party_name_text, party_type, party_unique_number, gln, is_active, party_notes, parent_party, parent_party_type, name, name_text, registration_number, registration_number_text, registration_vat_number, registration_type, registration_type_text, city, city_text, registration_primary_address, registration_primary_address_text, is_vat_registered, location_name, location_name_text, working_time, company, first_name, first_name_text, middle_name, middle_name_text, last_name, last_name_text, national_number, national_number_text, birth_date, gender, title, title_text, code, code_text, unmanaged, store_group, enterprise_company, currency) VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', 'x', 'x', 1, 'x', 'x', true, 'x', 'x', 1, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', true, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 1, 1, 'x', 'x', 'x', 'x', true, 'x', 'x', 'x');
INSERT INTO public.erp_product_groups (id, object_version, external_id, external_system, aggregate_last_update_time_utc, additional_data_json, code, code_text, name, name_text, active, full_path, notes, parent_group, enterprise_company, default_measurement_unit) VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', 'x', 'x', true, 'x', 'x', 'x', 'x', 'x');
INSERT INTO public.erp_product_types (id, object_version, external_id, external_system, aggregate_last_update_time_utc, additional_data_json, code, code_text, name, name_text, is_stocked, is_shipped, is_serviced, is_default) VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', 'x', 'x', true, true, true, true);
INSERT INTO public.erp_products (id, object_version, external_id, external_system, aggregate_last_update_time_utc, additional_data_json, part_number, part_number_text, name, name_text, short_name, short_name_text, description, description_text, catalog_description_html, active, abc_class, is_serialized, show_in_catalog, standard_price_per_lot, standard_cost_per_lot, standard_lot_size_base, creation_time, creation_user, update_time, update_user, base_measurement_category, measurement_unit, product_group, product_type, costing_currency, enterprise_company) VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', '{"EN":"Chai"}', 'x', 'x', 'x', 'x', 'x', 'x', true, 1, true, true, 1, 1, 1, 1, 'x', 1, 'x', 'x', 'x', 'x', 'x', 'x', 'x');
INSERT INTO public.erp_sales_order_lines (id, line_no, product_description, product_description_text, quantity, quantity_base, unit_price, line_amount, line_custom_discount_percent, line_standard_discount_percent, notes, sales_order, required_delivery_date, product, quantity_unit, line_store) VALUES ('x', 1, 'x', 'x', 1, 1, 1, 1, 1, 1, 'x', 'x', 1, 'x', 'x', 'x');
INSERT INTO public.erp_sales_orders (id, object_version, external_id, external_system, aggregate_last_update_time_utc, additional_data_json, document_no, document_no_text, document_date, document_notes, state, void, void_reason, entity_name, creation_time, creation_user, release_time, complete_time, void_time, reference_date, reference_document_no, read_only, total_line_amount, amount_to_pay, document_type, enterprise_company, enterprise_company_location, from_party, from_party_type, to_party, to_party_type, master_document, parent, responsible_person, assigned_to_user, customer, document_currency, customer_purchase_order_no, required_delivery_date, payment_due_date, invoice_no, ship_to_customer, store) VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', 1, 'x', 1, true, 'x', 'x', 1, 'x', 1, 1, 1, 1, 'x', true, 1, 1, 'x', 'x', 'x', 'x', 1, 'x', 1, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 1, 1, 'x', 'x', 'x');
INSERT INTO public.erp_store_groups (id, object_version, external_id, external_system, aggregate_last_update_time_utc, additional_data_json, code, code_text, name, name_text) VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', 'x', 'x');
INSERT INTO public.instance (name, value) VALUES ('x', 'x');
INSERT INTO public.licence (id, layout, changes) VALUES (1, '', 0);
INSERT INTO public.principal_names (name, kind) VALUES ('anna', 'user');
INSERT INTO public.refresh_families (id, application_uri, user_id, user_type, sign_in_id, auth_time, scope, secret, created_at, expires_at, generation, rotated_at, token_id, token_expires_at, ended_at, end_reason) VALUES ('x', 'x', 'x', 'x', 'x', 1, 'x', '\x78', 1, 1, 1, 1, 'x', 1, 0, 'x');
INSERT INTO public.revoked_tokens (token_id, revoked_at, expires_at) VALUES ('x', 1, 1);
INSERT INTO public.sessions (id, session_key, kind, user_login, user_id, application_uri, service_instance, slot, reserved, remote_addr, multiplexed, opened_at, last_request_at, absolute_expires_at, expires_at, requests, ended_at, end_reason, ended_change) VALUES ('x', 'x', 'x', 'x', 'x', 'x', 'x', 1, true, 'x', true, 1, 1, 1, 1, 1, 0, 'x', 1);
INSERT INTO public.sign_in_attempts (key, failures, last_at, blocked_until) VALUES ('x', 1, 1, 1);
INSERT INTO public.sign_ins (id, cookie_hash, user_id, auth_time, amr, keep, created_at, last_seen_at, expires_at, ended_at) VALUES ('x', '\x78', 'x', 1, 'x', true, 1, 1, 1, 0);
INSERT INTO public.signing_keys (id, key_use, generation, sealed, created_at, activate_at) VALUES ('x', 'x', 1, '\x78', 1, 1);
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (1, 0, true, '2026-11-29 05:25:21.200158');
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (2, 1, true, '2026-11-29 05:25:21.304092');
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (3, 10, true, '2026-11-29 05:25:21.32482');
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (4, 11, true, '2026-11-29 05:25:21.336766');
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (5, 12, true, '2026-11-29 05:25:21.394436');
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (6, 13, true, '2026-11-29 05:25:21.412747');
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (7, 14, true, '2026-11-29 05:25:21.466897');
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (8, 20, true, '2026-11-29 05:25:21.50477');
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (9, 21, true, '2026-11-29 05:25:21.532761');
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (10, 30, true, '2026-11-29 05:25:21.564014');
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (11, 31, true, '2026-11-29 05:25:21.621859');
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (12, 40, true, '2026-11-29 05:25:21.644781');
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (13, 41, true, '2026-11-29 05:25:21.785185');
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (14, 42, true, '2026-11-29 05:25:21.905499');
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (15, 43, true, '2026-11-29 05:25:21.957199');
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (16, 44, true, '2026-11-29 05:25:22.237531');
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (17, 45, true, '2026-11-29 05:25:22.265331');
INSERT INTO public.tandem_schema (id, version_id, is_applied, tstamp) VALUES (18, 46, true, '2026-11-29 05:25:22.312789');
INSERT INTO public.users (id, login, name, email, email_verified, locale, user_type, is_admin, is_enabled, password_hash, password_changed_at, created_at, changed_at, version) VALUES ('x', 'anna', 'Anna O''Neil', 'anna@example.com', true, 'x', 'InternalUser', true, true, 'x', 1, 1, 1, 1);
SELECT pg_catalog.setval('public.tandem_schema_id_seq', 18, true);
ALTER TABLE ONLY public.applications
    ADD CONSTRAINT applications_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.audit_events
    ADD CONSTRAINT audit_events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.authorization_codes
    ADD CONSTRAINT authorization_codes_pkey PRIMARY KEY (hash);
ALTER TABLE ONLY public.client_assertions
    ADD CONSTRAINT client_assertions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.client_failures
    ADD CONSTRAINT client_failures_pkey PRIMARY KEY (key, minute);
ALTER TABLE ONLY public.credentials
    ADD CONSTRAINT credentials_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_contact_mechanisms
    ADD CONSTRAINT erp_contact_mechanisms_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_counters
    ADD CONSTRAINT erp_counters_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.erp_currencies
    ADD CONSTRAINT erp_currencies_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_current_balances
    ADD CONSTRAINT erp_current_balances_pkey PRIMARY KEY (product, store, enterprise_company);
ALTER TABLE ONLY public.erp_customer_external_access
    ADD CONSTRAINT erp_customer_external_access_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_customers
    ADD CONSTRAINT erp_customers_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_data_exchange_objects
    ADD CONSTRAINT erp_data_exchange_objects_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_data_exchanges
    ADD CONSTRAINT erp_data_exchanges_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_document_types
    ADD CONSTRAINT erp_document_types_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_enterprise_companies
    ADD CONSTRAINT erp_enterprise_companies_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_invoice_lines
    ADD CONSTRAINT erp_invoice_lines_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_invoices
    ADD CONSTRAINT erp_invoices_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_measurement_categories
    ADD CONSTRAINT erp_measurement_categories_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_measurement_units
    ADD CONSTRAINT erp_measurement_units_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_parties
    ADD CONSTRAINT erp_parties_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_product_groups
    ADD CONSTRAINT erp_product_groups_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_product_types
    ADD CONSTRAINT erp_product_types_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_products
    ADD CONSTRAINT erp_products_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_sales_order_lines
    ADD CONSTRAINT erp_sales_order_lines_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_sales_orders
    ADD CONSTRAINT erp_sales_orders_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erp_store_groups
    ADD CONSTRAINT erp_store_groups_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.instance
    ADD CONSTRAINT instance_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.licence
    ADD CONSTRAINT licence_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.principal_names
    ADD CONSTRAINT principal_names_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.refresh_families
    ADD CONSTRAINT refresh_families_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.revoked_tokens
    ADD CONSTRAINT revoked_tokens_pkey PRIMARY KEY (token_id);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sign_in_attempts
    ADD CONSTRAINT sign_in_attempts_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.sign_ins
    ADD CONSTRAINT sign_ins_cookie_hash_key UNIQUE (cookie_hash);
ALTER TABLE ONLY public.sign_ins
    ADD CONSTRAINT sign_ins_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.signing_keys
    ADD CONSTRAINT signing_keys_key_use_generation_key UNIQUE (key_use, generation);
ALTER TABLE ONLY public.signing_keys
    ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.tandem_schema
    ADD CONSTRAINT tandem_schema_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_login_key UNIQUE (login);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
CREATE INDEX applications_changed ON public.applications USING btree (changed_at);
CREATE UNIQUE INDEX applications_uri ON public.applications USING btree (application_uri) WHERE (deleted_at = 0);
CREATE INDEX authorization_codes_issued ON public.authorization_codes USING btree (issued_at);
CREATE INDEX authorization_codes_unused ON public.authorization_codes USING btree (sign_in_id) WHERE (used_at = 0);
CREATE INDEX client_assertions_expiry ON public.client_assertions USING btree (expires_at);
CREATE INDEX credentials_application ON public.credentials USING btree (application_id);
CREATE INDEX erp_contact_mechanisms_party ON public.erp_contact_mechanisms USING btree (party);
CREATE UNIQUE INDEX erp_currencies_currency_sign ON public.erp_currencies USING btree (currency_sign);
CREATE UNIQUE INDEX erp_currencies_external_id ON public.erp_currencies USING btree (external_id, COALESCE(external_system, ''::text)) WHERE (external_id IS NOT NULL);
CREATE INDEX erp_currencies_updated ON public.erp_currencies USING btree (aggregate_last_update_time_utc, id);
CREATE INDEX erp_current_balances_store ON public.erp_current_balances USING btree (store);
CREATE INDEX erp_customer_external_access_customer ON public.erp_customer_external_access USING btree (customer);
CREATE UNIQUE INDEX erp_customer_external_access_user ON public.erp_customer_external_access USING btree ("user", customer);
CREATE UNIQUE INDEX erp_customers_external_id ON public.erp_customers USING btree (external_id, COALESCE(external_system, ''::text)) WHERE (external_id IS NOT NULL);
CREATE UNIQUE INDEX erp_customers_number ON public.erp_customers USING btree (number) WHERE (number IS NOT NULL);
CREATE UNIQUE INDEX erp_customers_party ON public.erp_customers USING btree (party, COALESCE(enterprise_company, ''::text));
CREATE INDEX erp_customers_updated ON public.erp_customers USING btree (aggregate_last_update_time_utc, id);
CREATE INDEX erp_data_exchange_objects_line ON public.erp_data_exchange_objects USING btree (data_exchange, line_no);
CREATE INDEX erp_data_exchanges_created_on ON public.erp_data_exchanges USING btree (created_on);
CREATE INDEX erp_data_exchanges_updated ON public.erp_data_exchanges USING btree (aggregate_last_update_time_utc, id);
CREATE UNIQUE INDEX erp_document_types_code ON public.erp_document_types USING btree (code);
CREATE UNIQUE INDEX erp_document_types_external_id ON public.erp_document_types USING btree (external_id, COALESCE(external_system, ''::text)) WHERE (external_id IS NOT NULL);
CREATE INDEX erp_document_types_updated ON public.erp_document_types USING btree (aggregate_last_update_time_utc, id);
CREATE UNIQUE INDEX erp_enterprise_companies_company ON public.erp_enterprise_companies USING btree (company);
CREATE UNIQUE INDEX erp_enterprise_companies_external_id ON public.erp_enterprise_companies USING btree (external_id, COALESCE(external_system, ''::text)) WHERE (external_id IS NOT NULL);
CREATE INDEX erp_enterprise_companies_updated ON public.erp_enterprise_companies USING btree (aggregate_last_update_time_utc, id);
CREATE UNIQUE INDEX erp_invoice_lines_line_no ON public.erp_invoice_lines USING btree (invoice, line_no);
CREATE INDEX erp_invoice_lines_order_line ON public.erp_invoice_lines USING btree (parent_sales_order_line) WHERE (parent_sales_order_line IS NOT NULL);
CREATE INDEX erp_invoice_lines_product ON public.erp_invoice_lines USING btree (product) WHERE (product IS NOT NULL);
CREATE INDEX erp_invoice_lines_sales_order ON public.erp_invoice_lines USING btree (sales_order) WHERE (sales_order IS NOT NULL);
CREATE INDEX erp_invoices_credit_note ON public.erp_invoices USING btree (credit_note_original_invoice) WHERE (credit_note_original_invoice IS NOT NULL);
CREATE INDEX erp_invoices_customer ON public.erp_invoices USING btree (customer, document_date DESC, id);
CREATE INDEX erp_invoices_document_date ON public.erp_invoices USING btree (document_date DESC, id);
CREATE UNIQUE INDEX erp_invoices_document_no ON public.erp_invoices USING btree (document_no, document_type, enterprise_company);
CREATE UNIQUE INDEX erp_invoices_external_id ON public.erp_invoices USING btree (external_id, COALESCE(external_system, ''::text)) WHERE (external_id IS NOT NULL);
CREATE INDEX erp_invoices_master ON public.erp_invoices USING btree (master_document);
CREATE INDEX erp_invoices_parent ON public.erp_invoices USING btree (parent) WHERE (parent IS NOT NULL);
CREATE INDEX erp_invoices_updated ON public.erp_invoices USING btree (aggregate_last_update_time_utc, id);
CREATE UNIQUE INDEX erp_measurement_categories_external_id ON public.erp_measurement_categories USING btree (external_id, COALESCE(external_system, ''::text)) WHERE (external_id IS NOT NULL);
CREATE INDEX erp_measurement_categories_updated ON public.erp_measurement_categories USING btree (aggregate_last_update_time_utc, id);
CREATE INDEX erp_measurement_units_category ON public.erp_measurement_units USING btree (measurement_category);
CREATE UNIQUE INDEX erp_measurement_units_code ON public.erp_measurement_units USING btree (code) WHERE (code IS NOT NULL);
CREATE UNIQUE INDEX erp_parties_code ON public.erp_parties USING btree (code) WHERE (code IS NOT NULL);
CREATE INDEX erp_parties_company ON public.erp_parties USING btree (company) WHERE (company IS NOT NULL);
CREATE UNIQUE INDEX erp_parties_external_id ON public.erp_parties USING btree (party_type, external_id, COALESCE(external_system, ''::text)) WHERE (external_id IS NOT NULL);
CREATE UNIQUE INDEX erp_parties_national_number ON public.erp_parties USING btree (national_number) WHERE (national_number IS NOT NULL);
CREATE INDEX erp_parties_parent_party ON public.erp_parties USING btree (parent_party) WHERE (parent_party IS NOT NULL);
CREATE UNIQUE INDEX erp_parties_party_code ON public.erp_parties USING btree (party_code);
CREATE UNIQUE INDEX erp_parties_registration_number ON public.erp_parties USING btree (registration_number) WHERE (registration_number IS NOT NULL);
CREATE INDEX erp_parties_updated ON public.erp_parties USING btree (aggregate_last_update_time_utc, id);
CREATE UNIQUE INDEX erp_product_groups_code ON public.erp_product_groups USING btree (code, COALESCE(enterprise_company, ''::text));
CREATE UNIQUE INDEX erp_product_groups_external_id ON public.erp_product_groups USING btree (external_id, COALESCE(external_system, ''::text)) WHERE (external_id IS NOT NULL);
CREATE INDEX erp_product_groups_parent_group ON public.erp_product_groups USING btree (parent_group) WHERE (parent_group IS NOT NULL);
CREATE INDEX erp_product_groups_updated ON public.erp_product_groups USING btree (aggregate_last_update_time_utc, id);
CREATE UNIQUE INDEX erp_product_types_code ON public.erp_product_types USING btree (code);
CREATE UNIQUE INDEX erp_product_types_external_id ON public.erp_product_types USING btree (external_id, COALESCE(external_system, ''::text)) WHERE (external_id IS NOT NULL);
CREATE INDEX erp_product_types_updated ON public.erp_product_types USING btree (aggregate_last_update_time_utc, id);
CREATE UNIQUE INDEX erp_products_external_id ON public.erp_products USING btree (external_id, COALESCE(external_system, ''::text)) WHERE (external_id IS NOT NULL);
CREATE UNIQUE INDEX erp_products_part_number ON public.erp_products USING btree (part_number, COALESCE(enterprise_company, ''::text));
CREATE INDEX erp_products_product_group ON public.erp_products USING btree (product_group);
CREATE INDEX erp_products_updated ON public.erp_products USING btree (aggregate_last_update_time_utc, id);
CREATE UNIQUE INDEX erp_sales_order_lines_line_no ON public.erp_sales_order_lines USING btree (sales_order, line_no);
CREATE INDEX erp_sales_order_lines_product ON public.erp_sales_order_lines USING btree (product);
CREATE INDEX erp_sales_orders_customer ON public.erp_sales_orders USING btree (customer, document_date DESC, id);
CREATE INDEX erp_sales_orders_document_date ON public.erp_sales_orders USING btree (document_date DESC, id);
CREATE UNIQUE INDEX erp_sales_orders_document_no ON public.erp_sales_orders USING btree (document_no, document_type, enterprise_company);
CREATE UNIQUE INDEX erp_sales_orders_external_id ON public.erp_sales_orders USING btree (external_id, COALESCE(external_system, ''::text)) WHERE (external_id IS NOT NULL);
CREATE INDEX erp_sales_orders_master ON public.erp_sales_orders USING btree (master_document);
CREATE INDEX erp_sales_orders_parent ON public.erp_sales_orders USING btree (parent) WHERE (parent IS NOT NULL);
CREATE INDEX erp_sales_orders_ship_to ON public.erp_sales_orders USING btree (ship_to_customer) WHERE (ship_to_customer IS NOT NULL);
CREATE INDEX erp_sales_orders_updated ON public.erp_sales_orders USING btree (aggregate_last_update_time_utc, id);
CREATE UNIQUE INDEX erp_store_groups_code ON public.erp_store_groups USING btree (code);
CREATE UNIQUE INDEX erp_store_groups_external_id ON public.erp_store_groups USING btree (external_id, COALESCE(external_system, ''::text)) WHERE (external_id IS NOT NULL);
CREATE INDEX erp_store_groups_updated ON public.erp_store_groups USING btree (aggregate_last_update_time_utc, id);
CREATE INDEX refresh_families_expiry ON public.refresh_families USING btree (expires_at);
CREATE INDEX refresh_families_sign_in ON public.refresh_families USING btree (sign_in_id) WHERE (ended_at = 0);
CREATE INDEX refresh_families_user ON public.refresh_families USING btree (user_id) WHERE (ended_at = 0);
CREATE INDEX revoked_tokens_time ON public.revoked_tokens USING btree (revoked_at);
CREATE INDEX sessions_ended ON public.sessions USING btree (ended_change);
CREATE INDEX sessions_expiry ON public.sessions USING btree (expires_at) WHERE (ended_at = 0);
CREATE INDEX sessions_history ON public.sessions USING btree (session_key, opened_at);
CREATE UNIQUE INDEX sessions_open_key ON public.sessions USING btree (session_key) WHERE (ended_at = 0);
CREATE UNIQUE INDEX sessions_open_slot ON public.sessions USING btree (slot) WHERE (ended_at = 0);
CREATE INDEX sign_in_attempts_age ON public.sign_in_attempts USING btree (last_at);
CREATE INDEX sign_ins_expiry ON public.sign_ins USING btree (expires_at);
CREATE INDEX sign_ins_live ON public.sign_ins USING btree (user_id) WHERE (ended_at = 0);
CREATE INDEX users_changed ON public.users USING btree (changed_at);
CREATE UNIQUE INDEX users_email ON public.users USING btree (lower(email)) WHERE (email <> ''::text);
ALTER TABLE ONLY public.credentials
    ADD CONSTRAINT credentials_application_id_fkey FOREIGN KEY (application_id) REFERENCES public.applications(id);
ALTER TABLE ONLY public.erp_contact_mechanisms
    ADD CONSTRAINT erp_contact_mechanisms_party_fkey FOREIGN KEY (party) REFERENCES public.erp_parties(id);
ALTER TABLE ONLY public.erp_current_balances
    ADD CONSTRAINT erp_current_balances_enterprise_company_fkey FOREIGN KEY (enterprise_company) REFERENCES public.erp_enterprise_companies(id);
ALTER TABLE ONLY public.erp_current_balances
    ADD CONSTRAINT erp_current_balances_product_fkey FOREIGN KEY (product) REFERENCES public.erp_products(id);
ALTER TABLE ONLY public.erp_current_balances
    ADD CONSTRAINT erp_current_balances_store_fkey FOREIGN KEY (store) REFERENCES public.erp_parties(id);
ALTER TABLE ONLY public.erp_customer_external_access
    ADD CONSTRAINT erp_customer_external_access_customer_fkey FOREIGN KEY (customer) REFERENCES public.erp_customers(id);
ALTER TABLE ONLY public.erp_customer_external_access
    ADD CONSTRAINT erp_customer_external_access_user_fkey FOREIGN KEY ("user") REFERENCES public.users(id);
ALTER TABLE ONLY public.erp_customers
    ADD CONSTRAINT erp_customers_default_currency_fkey FOREIGN KEY (default_currency) REFERENCES public.erp_currencies(id);
ALTER TABLE ONLY public.erp_customers
    ADD CONSTRAINT erp_customers_enterprise_company_fkey FOREIGN KEY (enterprise_company) REFERENCES public.erp_enterprise_companies(id);
ALTER TABLE ONLY public.erp_customers
    ADD CONSTRAINT erp_customers_party_fkey FOREIGN KEY (party) REFERENCES public.erp_parties(id);
ALTER TABLE ONLY public.erp_data_exchange_objects
    ADD CONSTRAINT erp_data_exchange_objects_data_exchange_fkey FOREIGN KEY (data_exchange) REFERENCES public.erp_data_exchanges(id);
ALTER TABLE ONLY public.erp_enterprise_companies
    ADD CONSTRAINT erp_enterprise_companies_base_currency_fkey FOREIGN KEY (base_currency) REFERENCES public.erp_currencies(id);
ALTER TABLE ONLY public.erp_enterprise_companies
    ADD CONSTRAINT erp_enterprise_companies_company_fkey FOREIGN KEY (company) REFERENCES public.erp_parties(id);
ALTER TABLE ONLY public.erp_invoice_lines
    ADD CONSTRAINT erp_invoice_lines_invoice_fkey FOREIGN KEY (invoice) REFERENCES public.erp_invoices(id);
ALTER TABLE ONLY public.erp_invoice_lines
    ADD CONSTRAINT erp_invoice_lines_parent_sales_order_line_fkey FOREIGN KEY (parent_sales_order_line) REFERENCES public.erp_sales_order_lines(id);
ALTER TABLE ONLY public.erp_invoice_lines
    ADD CONSTRAINT erp_invoice_lines_product_fkey FOREIGN KEY (product) REFERENCES public.erp_products(id);
ALTER TABLE ONLY public.erp_invoice_lines
    ADD CONSTRAINT erp_invoice_lines_quantity_unit_fkey FOREIGN KEY (quantity_unit) REFERENCES public.erp_measurement_units(id);
ALTER TABLE ONLY public.erp_invoice_lines
    ADD CONSTRAINT erp_invoice_lines_sales_order_fkey FOREIGN KEY (sales_order) REFERENCES public.erp_sales_orders(id);
ALTER TABLE ONLY public.erp_invoices
    ADD CONSTRAINT erp_invoices_assigned_to_user_fkey FOREIGN KEY (assigned_to_user) REFERENCES public.users(id);
ALTER TABLE ONLY public.erp_invoices
    ADD CONSTRAINT erp_invoices_credit_note_original_invoice_fkey FOREIGN KEY (credit_note_original_invoice) REFERENCES public.erp_invoices(id);
ALTER TABLE ONLY public.erp_invoices
    ADD CONSTRAINT erp_invoices_customer_fkey FOREIGN KEY (customer) REFERENCES public.erp_customers(id);
ALTER TABLE ONLY public.erp_invoices
    ADD CONSTRAINT erp_invoices_document_currency_fkey FOREIGN KEY (document_currency) REFERENCES public.erp_currencies(id);
ALTER TABLE ONLY public.erp_invoices
    ADD CONSTRAINT erp_invoices_document_type_fkey FOREIGN KEY (document_type) REFERENCES public.erp_document_types(id);
ALTER TABLE ONLY public.erp_invoices
    ADD CONSTRAINT erp_invoices_enterprise_company_fkey FOREIGN KEY (enterprise_company) REFERENCES public.erp_enterprise_companies(id);
ALTER TABLE ONLY public.erp_invoices
    ADD CONSTRAINT erp_invoices_enterprise_company_location_fkey FOREIGN KEY (enterprise_company_location) REFERENCES public.erp_parties(id);
ALTER TABLE ONLY public.erp_invoices
    ADD CONSTRAINT erp_invoices_from_party_fkey FOREIGN KEY (from_party) REFERENCES public.erp_parties(id);
ALTER TABLE ONLY public.erp_invoices
    ADD CONSTRAINT erp_invoices_master_document_fkey FOREIGN KEY (master_document) REFERENCES public.erp_invoices(id);
ALTER TABLE ONLY public.erp_invoices
    ADD CONSTRAINT erp_invoices_parent_fkey FOREIGN KEY (parent) REFERENCES public.erp_sales_orders(id);
ALTER TABLE ONLY public.erp_invoices
    ADD CONSTRAINT erp_invoices_responsible_person_fkey FOREIGN KEY (responsible_person) REFERENCES public.erp_parties(id);
ALTER TABLE ONLY public.erp_invoices
    ADD CONSTRAINT erp_invoices_to_party_fkey FOREIGN KEY (to_party) REFERENCES public.erp_parties(id);
ALTER TABLE ONLY public.erp_measurement_units
    ADD CONSTRAINT erp_measurement_units_measurement_category_fkey FOREIGN KEY (measurement_category) REFERENCES public.erp_measurement_categories(id);
ALTER TABLE ONLY public.erp_parties
    ADD CONSTRAINT erp_parties_company_fkey FOREIGN KEY (company) REFERENCES public.erp_parties(id);
ALTER TABLE ONLY public.erp_parties
    ADD CONSTRAINT erp_parties_currency_fkey FOREIGN KEY (currency) REFERENCES public.erp_currencies(id);
ALTER TABLE ONLY public.erp_parties
    ADD CONSTRAINT erp_parties_parent_party_fkey FOREIGN KEY (parent_party) REFERENCES public.erp_parties(id);
ALTER TABLE ONLY public.erp_parties
    ADD CONSTRAINT erp_parties_store_group_fkey FOREIGN KEY (store_group) REFERENCES public.erp_store_groups(id);
ALTER TABLE ONLY public.erp_product_groups
    ADD CONSTRAINT erp_product_groups_default_measurement_unit_fkey FOREIGN KEY (default_measurement_unit) REFERENCES public.erp_measurement_units(id);
ALTER TABLE ONLY public.erp_product_groups
    ADD CONSTRAINT erp_product_groups_enterprise_company_fkey FOREIGN KEY (enterprise_company) REFERENCES public.erp_enterprise_companies(id);
ALTER TABLE ONLY public.erp_product_groups
    ADD CONSTRAINT erp_product_groups_parent_group_fkey FOREIGN KEY (parent_group) REFERENCES public.erp_product_groups(id);
ALTER TABLE ONLY public.erp_products
    ADD CONSTRAINT erp_products_base_measurement_category_fkey FOREIGN KEY (base_measurement_category) REFERENCES public.erp_measurement_categories(id);
ALTER TABLE ONLY public.erp_products
    ADD CONSTRAINT erp_products_costing_currency_fkey FOREIGN KEY (costing_currency) REFERENCES public.erp_currencies(id);
ALTER TABLE ONLY public.erp_products
    ADD CONSTRAINT erp_products_enterprise_company_fkey FOREIGN KEY (enterprise_company) REFERENCES public.erp_enterprise_companies(id);
ALTER TABLE ONLY public.erp_products
    ADD CONSTRAINT erp_products_measurement_unit_fkey FOREIGN KEY (measurement_unit) REFERENCES public.erp_measurement_units(id);
ALTER TABLE ONLY public.erp_products
    ADD CONSTRAINT erp_products_product_group_fkey FOREIGN KEY (product_group) REFERENCES public.erp_product_groups(id);
ALTER TABLE ONLY public.erp_products
    ADD CONSTRAINT erp_products_product_type_fkey FOREIGN KEY (product_type) REFERENCES public.erp_product_types(id);
ALTER TABLE ONLY public.erp_sales_order_lines
    ADD CONSTRAINT erp_sales_order_lines_line_store_fkey FOREIGN KEY (line_store) REFERENCES public.erp_parties(id);
ALTER TABLE ONLY public.erp_sales_order_lines
    ADD CONSTRAINT erp_sales_order_lines_product_fkey FOREIGN KEY (product) REFERENCES public.erp_products(id);
ALTER TABLE ONLY public.erp_sales_order_lines
    ADD CONSTRAINT erp_sales_order_lines_quantity_unit_fkey FOREIGN KEY (quantity_unit) REFERENCES public.erp_measurement_units(id);
ALTER TABLE ONLY public.erp_sales_order_lines
    ADD CONSTRAINT erp_sales_order_lines_sales_order_fkey FOREIGN KEY (sales_order) REFERENCES public.erp_sales_orders(id);
ALTER TABLE ONLY public.erp_sales_orders
    ADD CONSTRAINT erp_sales_orders_assigned_to_user_fkey FOREIGN KEY (assigned_to_user) REFERENCES public.users(id);
ALTER TABLE ONLY public.erp_sales_orders
    ADD CONSTRAINT erp_sales_orders_customer_fkey FOREIGN KEY (customer) REFERENCES public.erp_customers(id);
ALTER TABLE ONLY public.erp_sales_orders
    ADD CONSTRAINT erp_sales_orders_document_currency_fkey FOREIGN KEY (document_currency) REFERENCES public.erp_currencies(id);
ALTER TABLE ONLY public.erp_sales_orders
    ADD CONSTRAINT erp_sales_orders_document_type_fkey FOREIGN KEY (document_type) REFERENCES public.erp_document_types(id);
ALTER TABLE ONLY public.erp_sales_orders
    ADD CONSTRAINT erp_sales_orders_enterprise_company_fkey FOREIGN KEY (enterprise_company) REFERENCES public.erp_enterprise_companies(id);
ALTER TABLE ONLY public.erp_sales_orders
    ADD CONSTRAINT erp_sales_orders_enterprise_company_location_fkey FOREIGN KEY (enterprise_company_location) REFERENCES public.erp_parties(id);
ALTER TABLE ONLY public.erp_sales_orders
    ADD CONSTRAINT erp_sales_orders_from_party_fkey FOREIGN KEY (from_party) REFERENCES public.erp_parties(id);
ALTER TABLE ONLY public.erp_sales_orders
    ADD CONSTRAINT erp_sales_orders_master_document_fkey FOREIGN KEY (master_document) REFERENCES public.erp_sales_orders(id);
ALTER TABLE ONLY public.erp_sales_orders
    ADD CONSTRAINT erp_sales_orders_parent_fkey FOREIGN KEY (parent) REFERENCES public.erp_sales_orders(id);
ALTER TABLE ONLY public.erp_sales_orders
    ADD CONSTRAINT erp_sales_orders_responsible_person_fkey FOREIGN KEY (responsible_person) REFERENCES public.erp_parties(id);
ALTER TABLE ONLY public.erp_sales_orders
    ADD CONSTRAINT erp_sales_orders_ship_to_customer_fkey FOREIGN KEY (ship_to_customer) REFERENCES public.erp_customers(id);
ALTER TABLE ONLY public.erp_sales_orders
    ADD CONSTRAINT erp_sales_orders_store_fkey FOREIGN KEY (store) REFERENCES public.erp_parties(id);
ALTER TABLE ONLY public.erp_sales_orders
    ADD CONSTRAINT erp_sales_orders_to_party_fkey FOREIGN KEY (to_party) REFERENCES public.erp_parties(id);
ALTER TABLE ONLY public.sign_ins
    ADD CONSTRAINT sign_ins_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);
