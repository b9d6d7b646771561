/**
 * Every directive of keepalived.conf(5) that Evergate knows of, per block, and what becomes of it. The one
 * place to look up or change that; a word missing here is an `unknown-directive`.
 */

export type Rule =
  | {
      readonly does: 'convert';
      /** Words after the name. */
      readonly wordsMin: number;
      readonly wordsMax: number;
      readonly block: boolean;
      /** May stand several times. */
      readonly repeats?: true;
    }
  /** Leaving it out changes nothing that matters; said as a warning. */
  | { readonly does: 'ignore'; readonly why: string }
  /** Leaving it out would change what the node does; said as an error. */
  | { readonly does: 'refuse'; readonly why: string };

export type RuleTable = Readonly<Record<string, Rule>>;

function value(wordsMin: number, wordsMax: number = wordsMin): Rule {
  return { does: 'convert', wordsMin, wordsMax, block: false };
}

function block(wordsMin: number, wordsMax: number = wordsMin): Rule {
  return { does: 'convert', wordsMin, wordsMax, block: true };
}

function each(rule: Rule, names: string): RuleTable {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, rule]));
}

function ignore(why: string): Rule {
  return { does: 'ignore', why };
}

function refuse(why: string): Rule {
  return { does: 'refuse', why };
}

const NO_MAIL = ignore('no mail is sent; follow the log or "evergate status --json" instead');
const NO_FIREWALL = ignore('no firewall rules are needed or made');
const NO_SNMP = ignore('there is no SNMP or D-Bus; "evergate status --json" tells the state');
const NO_LVS = ignore('Evergate does not drive the kernel balancer (LVS)');
const NO_EXTRA_GARP = ignore('addresses are announced on their own interfaces only');
const SCHEDULING = ignore('Evergate chooses priorities and memory of its processes itself');
const FASTER_ELECTION = ignore('the election answers adverts as RFC 5798 says');
const NO_LVS_NOTIFY = ignore('there are no servers of LVS to tell about');
const NO_FINE_NOTIFY = ignore('the members of a group tell their priorities');
const NO_SERVERS = refuse('the kernel balancer (LVS) is not driven; balance with --haproxy FILE');
const NO_NETWORK_SETUP = refuse('only virtual addresses and routes are set up');
const THREE_INTERVALS = refuse('a master is given up after three intervals, as RFC 5798 says');
const NO_BFD = refuse('BFD is not spoken');

export const TOP_LEVEL: RuleTable = {
  global_defs: block(0),
  vrrp_script: block(1),
  vrrp_instance: block(1),
  vrrp_sync_group: block(1),
  vrrp_track_process: block(1),
  track_process: block(1),
  vrrp_track_file: block(1),
  track_file: block(1),
  ...each(NO_SERVERS, 'virtual_server virtual_server_group  SSL'),
  ...each(NO_NETWORK_SETUP, 'static_ipaddress static_routes static_rules interface_up_down_delays'),
  ...each(NO_BFD, 'bfd_instance'),
  ...each(
    refuse('start Evergate inside the namespace, with "ip netns exec"'),
    'net_namespace namespace_with_ipsets net_namespace_ipvs',
  ),
  ...each(refuse('use --run-dir DIR to run several side by side'), 'instance'),
  ...each(
    ignore('each instance paces its announcements by itself; see vrrp_garp_interval'),
    'garp_group',
  ),
  ...each(ignore('the kernel reports interface changes; nothing polls'), 'linkbeat_interfaces'),
  ...each(ignore('there is no pid directory to choose; see --run-dir'), 'use_pid_dir'),
  ...each(SCHEDULING, 'process_names'),
};

export const GLOBAL_DEFS: RuleTable = {
  router_id: value(1),
  vrrp_version: value(1),
  script_user: value(1, 2),
  default_interface: ignore('each instance names its own interface'),
  vrrp_mcast_group4: value(1),
  vrrp_mcast_group6: value(1),
  ...each(
    value(1),
    'vrrp_garp_master_delay vrrp_garp_master_repeat vrrp_garp_master_refresh ' +
      'vrrp_garp_master_refresh_repeat vrrp_garp_lower_prio_delay vrrp_garp_lower_prio_repeat ' +
      'vrrp_garp_interval vrrp_gna_interval',
  ),
  ...each(value(0, 1), 'vrrp_min_garp vrrp_lower_prio_no_advert vrrp_higher_prio_send_advert'),
  vrrp_strict: value(0, 1),
  enable_script_security: value(0),
  ...each(NO_MAIL, 'notification_email notification_email_from smtp_server smtp_connect_timeout'),
  ...each(NO_MAIL, 'smtp_helo_name smtp_alert smtp_alert_vrrp smtp_alert_checker no_email_faults'),
  ...each(NO_EXTRA_GARP, 'vrrp_garp_extra_if'),
  ...each(FASTER_ELECTION, 'vrrp_owner_ignore_adverts'),
  ...each(ignore('the source of adverts is always checked'), 'vrrp_check_unicast_src'),
  ...each(ignore('adverts are always checked whole'), 'vrrp_skip_check_adv_addr'),
  ...each(NO_FIREWALL, 'vrrp_iptables vrrp_ipsets nftables_ipvs nftables_ipvs_priority'),
  ...each(NO_FIREWALL, 'nftables_ipvs_start_fwmark nftables nftables_priority nftables_counters'),
  ...each(NO_FIREWALL, 'nftables_ifindex'),
  ...each(SCHEDULING, 'max_auto_priority min_auto_priority_delay vrrp_priority vrrp_no_swap'),
  ...each(SCHEDULING, 'vrrp_rt_priority vrrp_cpu_affinity vrrp_rlimit_rttime'),
  ...each(SCHEDULING, 'checker_priority checker_no_swap checker_rt_priority checker_cpu_affinity'),
  ...each(SCHEDULING, 'checker_rlimit_rttime bfd_priority bfd_no_swap'),
  ...each(SCHEDULING, 'bfd_rt_priority bfd_cpu_affinity bfd_rlimit_rttime'),
  ...each(SCHEDULING, 'vrrp_netlink_cmd_rcv_bufs vrrp_netlink_cmd_rcv_bufs_force'),
  ...each(SCHEDULING, 'vrrp_netlink_monitor_rcv_bufs vrrp_netlink_monitor_rcv_bufs_force'),
  ...each(SCHEDULING, 'process_monitor_rcv_bufs process_monitor_rcv_bufs_force'),
  ...each(SCHEDULING, 'vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier rs_init_notifies random_seed'),
  ...each(SCHEDULING, 'vrrp_process_name checker_process_name bfd_process_name process_name'),
  ...each(NO_SNMP, 'snmp_socket enable_traps enable_snmp_vrrp'),
  ...each(NO_SNMP, 'enable_snmp_checker enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3'),
  ...each(NO_SNMP, 'enable_dbus dbus_service_name json_version'),
  ...each(NO_LVS, 'lvs_sync_daemon lvs_flush lvs_flush_on_stop lvs_timeouts'),
  ...each(NO_LVS, 'lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force'),
  ...each(NO_LVS, 'lvs_netlink_monitor_rcv_bufs lvs_netlink_monitor_rcv_bufs_force'),
  ...each(NO_LVS, 'checker_log_all_failures'),
  vmac_prefix: value(1),
  vmac_addr_prefix: ignore('only the interface of the instance has a virtual MAC address'),
  disable_local_igmp: ignore('no group is joined on the interface with the virtual MAC address'),
  ...each(ignore('foreign virtual router ids are reported anyway'), 'log_unknown_vrids'),
  ...each(ignore('the kernel reports interface changes; nothing polls'), 'linkbeat_use_polling'),
  dynamic_interfaces: value(0, 1),
  ...each(
    ignore('an interface that comes back as another one is taken up anyway'),
    'allow_if_changes',
  ),
  ...each(ignore('script files are opened by their path'), 'use_symlink_paths'),
  ...each(ignore('a reload always checks the files first'), 'reload_check_config'),
  ...each(ignore('a reload reads the files that were given at the start'), 'reload_file'),
  ...each(ignore('reload by "evergate reload" or SIGHUP, when you want it'), 'reload_repeat'),
  ...each(ignore('reload by "evergate reload" or SIGHUP, when you want it'), 'reload_time_file'),
  ...each(ignore('--run-dir decides where files are kept'), 'umask tmp_config_directory'),
  ...each(ignore('--run-dir decides where files are kept'), 'config_save_dir data_use_instance'),
  ...each(ignore('children are ended within a second'), 'child_wait_time'),
  notify_fifo: value(1, 3),
  notify_fifo_script: value(1, 3),
  vrrp_notify_fifo: value(1, 3),
  vrrp_notify_fifo_script: value(1, 3),
  ...each(NO_LVS_NOTIFY, 'lvs_notify_fifo lvs_notify_fifo_script'),
  vrrp_notify_priority_changes: value(0, 1),
  ...each(
    ignore('a reload leaves states as they are; "evergate status" tells them'),
    'fifo_write_vrrp_states_on_reload',
  ),
  ...each(refuse('use the service manager for this'), 'startup_script startup_script_timeout'),
  ...each(refuse('use the service manager for this'), 'shutdown_script shutdown_script_timeout'),
  ...each(ignore('VRRP starts once nobody else answers for the addresses'), 'vrrp_startup_delay'),
  ...each(THREE_INTERVALS, 'vrrp_down_timer_adverts'),
  ...each(
    refuse('start Evergate inside the namespace, with "ip netns exec"'),
    'net_namespace namespace_with_ipsets net_namespace_ipvs',
  ),
  ...each(refuse('use --run-dir DIR to run several side by side'), 'instance'),
};

export const VRRP_SCRIPT: RuleTable = {
  script: value(1, 128),
  interval: value(1),
  timeout: value(1),
  weight: value(1, 2),
  rise: value(1),
  fall: value(1),
  user: value(1, 2),
  init_fail: ignore('the first result counts at once anyway'),
};

const NOTIFY: RuleTable = {
  notify: value(1, 3),
  notify_master: value(1, 3),
  notify_backup: value(1, 3),
  notify_fault: value(1, 3),
  notify_stop: value(1, 3),
  notify_deleted: ignore('an instance that a reload removes runs notify_stop'),
};

const TRACKS: RuleTable = {
  track_script: block(0),
  track_interface: block(0),
  track_process: block(0),
  track_file: block(0),
};

export const TRACK_PROCESS: RuleTable = {
  process: value(1, 64),
  weight: value(1, 2),
  quorum: value(1),
  delay: value(1),
  fork_delay: value(1),
  terminate_delay: value(1),
  full_command: value(0, 1),
  param_match: refuse('all parameters are compared, or none'),
  quorum_max: ignore('processes that run too often are not looked for'),
};

export const TRACK_FILE: RuleTable = {
  file: value(1),
  weight: value(1, 2),
  init_file: value(0, 2),
};

export const SYNC_GROUP: RuleTable = {
  group: block(0),
  ...NOTIFY,
  ...TRACKS,
  sync_group_tracking_weight: value(0),
  global_tracking: ignore('members follow each other into FAULT anyway'),
  smtp_alert: NO_MAIL,
  notify_priority_changes: NO_FINE_NOTIFY,
  track_bfd: NO_BFD,
};

export const VRRP_INSTANCE: RuleTable = {
  state: value(1),
  interface: value(1),
  virtual_router_id: value(1),
  priority: value(1),
  advert_int: value(1),
  version: value(1),
  authentication: block(0),
  auth_hmac: block(0),
  virtual_ipaddress: block(0),
  virtual_ipaddress_excluded: block(0),
  virtual_routes: block(0),
  unicast_src_ip: value(1),
  unicast_peer: block(0),
  unicast_ttl: value(1),
  old_unicast_checksum: value(0, 1),
  v3_checksum_as_v2: value(0, 1),
  mcast_src_ip: value(1),
  mcast_dst_ip: value(1),
  preempt: value(0),
  nopreempt: value(0),
  preempt_delay: value(1),
  ...each(
    value(1),
    'garp_master_delay garp_master_repeat garp_master_refresh garp_master_refresh_repeat ' +
      'garp_lower_prio_delay garp_lower_prio_repeat garp_interval gna_interval',
  ),
  ...each(value(0, 1), 'lower_prio_no_advert higher_prio_send_advert'),
  strict_mode: value(0, 1),
  ...each(NO_EXTRA_GARP, 'garp_extra_if'),
  ...each(FASTER_ELECTION, 'owner_ignore_adverts'),
  ...each(ignore('an interface that cannot send adverts always means FAULT'), 'dont_track_primary'),
  ...each(ignore('the source of adverts is always checked'), 'check_unicast_src'),
  ...each(ignore('adverts are always checked whole'), 'skip_check_adv_addr'),
  ...each(ignore('the log shows every transition'), 'debug'),
  ...each(ignore('the holder of the address always accepts its traffic'), 'accept'),
  ...each(ignore('the virtual addresses decide that'), 'native_ipv6'),
  promote_secondaries: value(0),
  ...each(ignore('the kernel reports interface changes; nothing polls'), 'linkbeat_use_polling'),
  ...each(ignore('the kernel chooses receive buffers'), 'kernel_rx_buf_size'),
  ...each(NO_MAIL, 'smtp_alert'),
  ...each(NO_LVS, 'lvs_sync_daemon_interface'),
  ...NOTIFY,
  ...TRACKS,
  notify_master_rx_lower_pri: value(1, 3),
  notify_priority_changes: value(0, 1),
  ...each(ignore("the node's own address always counts"), 'track_src_ip'),
  ...each(ignore('it only matters where no peer is named'), 'unicast_fault_no_peer'),
  ...each(NO_BFD, 'track_bfd'),
  ...each(THREE_INTERVALS, 'down_timer_adverts'),
  ...each(NO_NETWORK_SETUP, 'virtual_rules'),
  use_vmac: value(0, 2),
  vmac_xmit_base: value(0),
  use_vmac_addr: refuse('only the interface of the instance has a virtual MAC address'),
  use_ipvlan: refuse('virtual interfaces are macvlans; use_vmac makes one'),
  ...each(ignore('the holder of the address always accepts its traffic'), 'no_accept'),
};

/** keepalived from 2.4 on. */
export const AUTH_HMAC: RuleTable = {
  key: { does: 'convert', wordsMin: 2, wordsMax: 2, block: false, repeats: true },
  active_key: value(1),
  anti_replay: value(1),
  time_window: value(1),
  mode: value(1),
};

export const AUTHENTICATION: RuleTable = {
  auth_type: value(1),
  auth_pass: value(1),
};

/** Words of keepalived's that open a block of their own: inside a list they mean a `}` is missing. */
export const BLOCK_WORDS: ReadonlySet<string> = new Set([
  ...Object.keys(TOP_LEVEL),
  ...Object.keys(VRRP_INSTANCE),
]);

/** Words that keepalived knows in some block. */
export const KNOWN_WORDS: ReadonlySet<string> = new Set(
  [TOP_LEVEL, GLOBAL_DEFS, VRRP_SCRIPT, VRRP_INSTANCE, SYNC_GROUP, TRACK_PROCESS, TRACK_FILE]
    .concat(AUTHENTICATION, AUTH_HMAC)
    .flatMap((table) => Object.keys(table)),
);
