/**
 * What becomes of each directive that the front ends understand: it has a place in evergate.yaml, or here is why
 * it has none. A directive that is in neither list fails fates.test.ts, so that none is left out in silence.
 */

/** By the directive; why a line of it is left out. */
export type Fates = Readonly<Record<string, string>>;

function each(why: string, names: string): Fates {
  return Object.fromEntries(names.split(',').map((name) => [name.trim(), why]));
}

const BY_FILE = 'the file is the same for all services';
const LISTED = 'lines with conditions have no counterpart; "clients" has networks and limits';

/** Of `global`. */
export const GLOBAL_LEFT_OUT: Fates = {
  ...each('every node shows its own name', 'node'),
};
export const GLOBAL_CARRIED =
  'log,maxconn,user,group,uid,gid,nbthread,hard-stop-after,stats socket,setenv,presetenv,unsetenv,resetenv';

/** Of proxies that carry TCP, and of the stats page. */
export const PROXY_LEFT_OUT: Fates = {
  ...each('"balance: source" is the way to keep a client at its server', 'stick on'),
  ...each('"balance: source" is the way to keep a client at its server', 'stick match'),
  ...each('"balance: source" is the way to keep a client at its server', 'stick store-request'),
  ...each('no key counts sources over time but "clients.rate-connections"', 'stick-table'),
  ...each(LISTED, 'tcp-request session'),
  ...each('"evergate status" and the metrics tell it', 'monitor-uri,monitor fail'),
  ...each('the metrics are at /metrics of the stats page', 'http-request use-service'),
  ...each('lines are those of "option tcplog"', 'log-format'),
  ...each('one backup server is used at a time', 'option allbackups'),
  ...each('results of checks are told where they change a state', 'option log-health-checks'),
  ...each('the page is called Evergate', 'stats realm'),
  ...each('the page shows version and node', 'stats hide-version,stats show-node'),
};

/** They have their place, or a remark about the case in which they have none. */
export const PROXY_CARRIED =
  'mode,maxconn,default_backend,bind,server,server-template,default-server,balance,hash-type,retries,log,' +
  'enabled,disabled,clitcpka-cnt,clitcpka-idle,clitcpka-intvl,srvtcpka-cnt,srvtcpka-idle,srvtcpka-intvl,' +
  'tcp-request connection,tcp-request content,tcp-request inspect-delay,use_backend,acl,timeout client,timeout client-fin,timeout connect,timeout server,timeout server-fin,' +
  'timeout tunnel,timeout check,timeout queue,stats enable,stats uri,stats auth,stats refresh,stats admin,' +
  'http-check connect,tcp-check connect,http-check send,http-check expect,http-check disable-on-404,source,' +
  'option tcplog,option httplog,option dontlognull,option tcpka,option clitcpka,option srvtcpka,option redispatch,' +
  'option tcp-check,option ssl-hello-chk,option external-check,option httpchk,option ldap-check,option redis-check,' +
  'option spop-check,option mysql-check,option pgsql-check,option smtpchk';

/** Words of `server` and `default-server` lines. */
export const SERVER_LEFT_OUT: Fates = {
  ...each(
    'traffic that cannot connect takes a server out at once, or never ("check.passive")',
    'observe',
  ),
  ...each(
    'traffic that cannot connect takes a server out at once, or never ("check.passive")',
    'error-limit',
  ),
  ...each(
    'traffic that cannot connect takes a server out at once, or never ("check.passive")',
    'on-error',
  ),
  ...each('backups keep the connections that they have', 'on-marked-up'),
  ...each('clients wait for any server with room', 'maxqueue'),
  ...each('"tcp.user-timeout" is one for all', 'tcp-ut'),
  ...each('names are asked for as the system does it', 'init-addr,resolvers,resolve-prefer'),
  ...each('names are asked for as the system does it', 'resolve-opts,resolve-net'),
};
export const SERVER_CARRIED =
  'check,no-check,backup,no-backup,disabled,enabled,check-ssl,no-check-ssl,check-sni,check-alpn,verify,verifyhost,' +
  'ca-file,crt,on-marked-down,inter,fastinter,downinter,rise,fall,weight,maxconn,port,addr,slowstart,track,source,' +
  'usesrc,send-proxy,send-proxy-v2,no-send-proxy,no-send-proxy-v2';

/** Words of `bind` lines. */
export const BIND_LEFT_OUT: Fates = {
  ...each(BY_FILE, 'tcp-ut'),
  ...each('a listener takes clients of every interface', 'interface'),
  ...each('a socket is open to every account; its directory says who may come near it', 'mode'),
  ...each(
    'a socket is open to every account; its directory says who may come near it',
    'user,group',
  ),
  ...each('a socket is open to every account; its directory says who may come near it', 'uid,gid'),
};
export const BIND_CARRIED = 'v4v6,v6only,accept-proxy';

const NO_TRACKING = 'a node follows its own balancer and nothing else';
const GARP = '"vrrp.garp" has repeat, delay and refresh';
const ELECTION = 'the election goes by RFC 9568';
const FIFO = 'a program of "notify" hears of every change of state';

/** Of keepalived's `global_defs`. */
export const DEFS_LEFT_OUT: Fates = {
  ...each('the groups are those of RFC 9568', 'vrrp_mcast_group4,vrrp_mcast_group6'),
  ...each(GARP, 'vrrp_garp_master_refresh_repeat,vrrp_garp_lower_prio_delay'),
  ...each(GARP, 'vrrp_garp_lower_prio_repeat,vrrp_garp_interval,vrrp_gna_interval,vrrp_min_garp'),
  ...each(ELECTION, 'vrrp_lower_prio_no_advert,vrrp_higher_prio_send_advert,vrrp_strict'),
  ...each('no interface with a virtual MAC address is made', 'vmac_prefix'),
  ...each(FIFO, 'notify_fifo,notify_fifo_script,vrrp_notify_fifo,vrrp_notify_fifo_script'),
  ...each(FIFO, 'vrrp_notify_priority_changes'),
};
export const DEFS_CARRIED =
  'router_id,vrrp_version,script_user,vrrp_garp_master_delay,vrrp_garp_master_repeat,vrrp_garp_master_refresh,' +
  'enable_script_security,dynamic_interfaces';

/** Of a `vrrp_instance`. */
export const INSTANCE_LEFT_OUT: Fates = {
  ...each('an address of "vip" is advertised', 'virtual_ipaddress_excluded'),
  ...each('the network of the VIP is all that is set up', 'virtual_routes,promote_secondaries'),
  ...each('one hop away is where the nodes are', 'unicast_ttl'),
  ...each(ELECTION, 'old_unicast_checksum,v3_checksum_as_v2,strict_mode'),
  ...each(ELECTION, 'lower_prio_no_advert,higher_prio_send_advert'),
  ...each('the groups are those of RFC 9568', 'mcast_dst_ip'),
  ...each(GARP, 'garp_master_refresh_repeat,garp_lower_prio_delay,garp_lower_prio_repeat'),
  ...each(GARP, 'garp_interval,gna_interval'),
  ...each(NO_TRACKING, 'track_interface,track_process,track_file'),
  ...each(FIFO, 'notify_master_rx_lower_pri,notify_priority_changes'),
  ...each('no interface with a virtual MAC address is made', 'use_vmac,vmac_xmit_base'),
};
/** Of `track_script` the scripts are told of one by one. */
export const INSTANCE_CARRIED =
  'state,interface,virtual_router_id,priority,advert_int,version,authentication,auth_hmac,virtual_ipaddress,' +
  'unicast_src_ip,unicast_peer,mcast_src_ip,preempt,nopreempt,preempt_delay,garp_master_delay,garp_master_repeat,' +
  'garp_master_refresh,notify,notify_master,notify_backup,notify_fault,notify_stop,track_script';

/** Blocks of the file. */
export const BLOCKS_LEFT_OUT: Fates = {
  ...each(
    'VIPs of one family are always on one node; those of the other move by themselves',
    'vrrp_sync_group',
  ),
  ...each(NO_TRACKING, 'vrrp_track_process,track_process,vrrp_track_file,track_file'),
};
export const BLOCKS_CARRIED = 'global_defs,vrrp_script,vrrp_instance';
