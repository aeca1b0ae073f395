"""Code lists for use, service, customs, vouchers and evidence.

Sources: the service-record form of the national instrument platform (NRII type 6), the sharing
policy of the province (clauses 三(十) and 三(十一)), customs order 245. UNKNOWN exists only where a
source may honestly not know.
"""

from __future__ import annotations

from enum import auto

from schema.codes.code_list import CodeList, code_list

REGISTER = "Regulations on the registration of market entities (State Council order 746)"
HUB = "Hub standard 1"


@code_list("服务方式", "Way of service", "NRII serviceWay")
class ServiceWay(CodeList):
    """服务方式: who operates and where."""

    OCCUPANCY = auto(), "占用共享", "Shared by own operation", "1"
    TECHNICAL = auto(), "技术共享", "Shared with technical support", "2"
    COMMISSIONED = auto(), "委托共享", "Commissioned (samples)", "3"
    REMOTE = auto(), "远程共享", "Remote", "4"
    OTHER = auto(), "其他", "Other", "5"


@code_list("服务类型", "Purpose of the service", "NRII serviceDirection")
class ServicePurpose(CodeList):
    """服务类型: duty-free instruments may serve the first three; OTHER needs tax paid."""

    RESEARCH = auto(), "科学研究", "Scientific research", "135"
    DEVELOPMENT = auto(), "科技开发", "Technology development", "136"
    TEACHING = auto(), "教学", "Teaching", "137"
    OTHER = auto(), "其他", "Other", "138"


@code_list("用户类型", "Kind of user", "NRII serviceType")
class UserKind(CodeList):
    """服务对象: inside or outside by legal person (USCC), never by department.

    UNKNOWN: booking systems without an account type cannot say; such a record never counts as
    outside service.
    """

    INSIDE = auto(), "内部用户", "Inside user", "120"
    OUTSIDE = auto(), "外部用户", "Outside user", "130"
    UNKNOWN = auto(), "未知", "Unknown"


@code_list("采集方式", "How a record was collected", HUB)
class CollectionMethod(CodeList):
    """采集方式: what saw the fact; DERIVED marks what was computed from another item."""

    SENSOR = auto(), "传感器", "Sensor"
    BLUETOOTH = auto(), "蓝牙", "Bluetooth"
    CARD_READER = auto(), "刷卡", "Card reader"
    QR_CODE = auto(), "扫码", "QR code"
    BOOKING_SYSTEM = auto(), "预约系统", "Booking system"
    MANUAL = auto(), "人工填报", "Entered by hand"
    DERIVED = auto(), "推算", "Derived"


@code_list("奖励排除情形", "Why a service earns no award", "Sharing policy, clause 三(十)")
class ExclusionReason(CodeList):
    """奖励排除情形: service that the policy keeps out of the award for outside service."""

    OFFICIAL_DUTY = auto(), "单位履职开展的检验检测", "Testing as the unit's own official duty"
    CONTRACT_AWARDED = auto(), "已纳入横向项目奖励", "Already rewarded as a contract project"
    MANDATORY_TESTING = auto(), "强制检测和法定检测", "Mandatory or statutory testing"


@code_list("用户评价", "User's rating", "NRII comment")
class Rating(CodeList):
    """用户评价: 1 is the best."""

    VERY_SATISFIED = auto(), "非常满意", "Very satisfied", "1"
    SATISFIED = auto(), "基本满意", "Satisfied", "2"
    FAIR = auto(), "一般", "Fair", "3"
    DISSATISFIED = auto(), "不满意", "Dissatisfied", "4"
    VERY_POOR = auto(), "极差", "Very poor", "5"


@code_list("使用地点", "Where the instrument was used", "NRII adressType")
class UsePlace(CodeList):
    """使用地点: a supervised instrument leaves its approved place by customs notice only."""

    INSIDE_UNIT = auto(), "单位内", "Inside the unit", "0"
    OUTSIDE_UNIT = auto(), "单位外", "Outside the unit", "1"


@code_list("证明级别", "Who vouches for a record", HUB)
class Assurance(CodeList):
    """证明级别: from the producer's own signature down to what the hub itself saw."""

    PRODUCER_SIGNED = auto(), "生产者签名", "Signed by its producer"
    REQUEST_SIGNED = auto(), "请求签名", "Came in a signed request"
    HUB_OBSERVED = auto(), "枢纽采集", "Observed by the hub"


@code_list("共享约定数据集", "Data set an agreement covers", HUB)
class AgreementDataset(CodeList):
    """共享约定数据集: what a provider lets a consumer see beyond the public catalogue."""

    ASSET = auto(), "资产数据", "Asset data"
    SERVICE = auto(), "服务记录", "Service records"
    CUSTOMS = auto(), "海关监管数据", "Customs data"
    VOUCHER = auto(), "创新券数据", "Voucher data"
    PERSON = auto(), "个人信息", "Personal data"


@code_list("海关监管状态", "Customs status", "Customs order 245")
class CustomsStatus(CodeList):
    """海关监管状态: UNKNOWN (the source did not say) is never treated as free of supervision.

    NOT_SUPERVISED: the source says 否 without saying whether supervision ended or never began.
    """

    SUPERVISED = auto(), "监管中", "Under supervision"
    RELEASED = auto(), "已解除监管", "Released from supervision"
    NOT_DUTY_FREE = auto(), "非免税进口", "Not imported duty free"
    NOT_SUPERVISED = auto(), "不在监管期内", "Not supervised now, reason not stated"
    UNKNOWN = auto(), "未知", "Unknown"


@code_list("直属海关", "Customs district", "Customs district codes (关区代码)")
class CustomsDistrict(CodeList):
    """直属海关: moving a supervised instrument from one district to another needs 异地监管."""

    SHANGHAI = auto(), "上海海关", "Shanghai Customs", "2200"
    NANJING = auto(), "南京海关", "Nanjing Customs", "2300"
    HANGZHOU = auto(), "杭州海关", "Hangzhou Customs", "2900"
    NINGBO = auto(), "宁波海关", "Ningbo Customs", "3100"
    HEFEI = auto(), "合肥海关", "Hefei Customs", "3300"
    OTHER = auto(), "其他海关", "Another district"


@code_list("创新券状态", "State of a voucher", HUB)
class VoucherState(CodeList):
    """创新券状态: the life of a voucher; use and cash have cut-off dates of their own."""

    APPLIED = auto(), "已申领", "Applied for"
    GRANTED = auto(), "已发放", "Granted"
    REJECTED = auto(), "已驳回", "Rejected"
    EXPIRED_USE = auto(), "逾期未使用", "Expired before use"
    EXPIRED_CASH = auto(), "逾期未兑付", "Expired before settlement"


@code_list("创新券申兑状态", "State of a voucher claim", HUB)
class VoucherClaimState(CodeList):
    """创新券申兑状态: one service record's way through county and city review to settlement."""

    RESERVED = auto(), "已预留", "Reserved for an order"
    CONSUMED = auto(), "已使用", "Consumed, service done"
    SUBMITTED = auto(), "已申请兑付", "Submitted for settlement"
    COUNTY_OK = auto(), "区县审核通过", "Passed by the county"
    CITY_OK = auto(), "市级审核通过", "Passed by the city"
    SETTLED = auto(), "已兑付", "Settled"
    REJECTED = auto(), "已驳回", "Rejected"
    RELEASED = auto(), "已释放", "Released, order cancelled"
    CLAWED_BACK = auto(), "已追回", "Clawed back"


@code_list("创新券额度去向", "Place of a voucher's money", HUB)
class VoucherBucket(CodeList):
    """创新券额度去向: what was granted always lies in these six places, whole."""

    AVAILABLE = auto(), "可用", "Available"
    RESERVED = auto(), "已预留", "Reserved for an order"
    CONSUMED = auto(), "已使用", "Consumed, not yet settled"
    SETTLED = auto(), "已兑付", "Settled"
    EXPIRED = auto(), "已过期", "Expired"
    CLAWED_BACK = auto(), "已追回", "Clawed back"


@code_list("创新券事项", "What a message about a voucher is about", HUB)
class VoucherEvent(CodeList):
    """创新券事项: what moves the money of a voucher, or a claim on its way."""

    RESERVE = auto(), "预留", "Reserved for an order"
    RELEASE = auto(), "释放", "Released, order cancelled"
    CONSUME = auto(), "使用", "Consumed, service done"
    CAP = auto(), "更正减少", "Lowered after the service was corrected downwards"
    HOLD = auto(), "暂缓", "Held for a person after the service was corrected or withdrawn"
    CLEAR = auto(), "解除暂缓", "A hold was lifted by a person"
    SUBMIT = auto(), "申请兑付", "Submitted for settlement"
    COUNTY = auto(), "区县审核", "Passed by the county"
    CITY = auto(), "市级审核", "Passed by the city"
    SETTLE = auto(), "兑付", "Settled"
    REJECT = auto(), "驳回", "Rejected"
    CLAW_BACK = auto(), "追回", "Clawed back"
    USE_OVER = auto(), "使用截止", "The last day of use is over; concerns the voucher"
    CASH_OVER = auto(), "兑付截止", "The last day of settlement is over; concerns the voucher"


@code_list("创新券核查事项", "What a hub finds about a voucher", HUB)
class VoucherFindingKind(CodeList):
    """创新券核查事项: what a person has to look at; a hub that finds it moves no money by it."""

    CLAW_BACK_DUE = auto(), "应追回", "Paid out for a service that was withdrawn or lowered since"
    SERVICE_WITHDRAWN = auto(), "服务记录已撤回", "The service record was withdrawn while claimed"
    SERVICE_LOWERED = auto(), "服务更正减少", "The service was corrected and gives less"
    SERVICE_RAISED = (
        auto(),
        "服务更正增加",
        "The service was corrected upwards; nothing moves by it",
    )
    SERVICE_NOT_VALID = auto(), "服务不再合格", "A check of the service fails since its correction"
    SERVICE_UNCLEAR = auto(), "更正后无法判断", "A fact is missing to judge what was corrected"
    NOT_GRANTED = auto(), "无券", "A claim on a voucher that nobody stated"
    OVERSPENT = auto(), "超出额度", "Claims hold more than was granted"
    AMOUNT_NOT_STATED = auto(), "金额未申报", "Its system does not say how much a claim holds"
    PAID_TOO_MUCH = auto(), "兑付超额", "More was paid out than the claim was for"
    STATE_NOT_FOLLOWING = auto(), "状态不衔接", "A claim came into a state that nothing leads to"
    TOO_LATE = auto(), "逾期", "A claim came into its state after the last day for it"
    MOVEMENT_NOT_FOLLOWING = auto(), "变动不衔接", "A movement does not follow those before it"
    CLAIM_DIFFERS = auto(), "申兑与变动不符", "A claim is not what its movements leave"
    CLAIMED_TWICE = auto(), "重复申兑", "Another live claim is for the same service"
    RESERVATION_OVER = (
        auto(),
        "占用将到期",
        "No record came of the service that was reserved for; released after the day named",
    )
    CLAIM_LOST = (
        auto(),
        "申兑遗失",
        "Another hub granted a service to it and this one, restored, does not hold it; "
        "the voucher waits",
    )


@code_list("创新券核查状态", "Whether a finding about a voucher still holds", HUB)
class VoucherFindingState(CodeList):
    """创新券核查状态: who looks at findings looks at those that are open."""

    OPEN = auto(), "待处理", "It holds"
    CLOSED = auto(), "已消除", "It holds no longer"


@code_list("经营主体登记状态", "State of a business in the register", REGISTER)
class BusinessState(CodeList):
    """经营主体登记状态: registers write 存续, 在业, 开业, 在营, 在册 for the first alike."""

    IN_BUSINESS = auto(), "存续（在营、开业、在册）", "Registered and in business"
    SUSPENDED = auto(), "歇业", "Registered, suspended for a time by its own filing"
    MOVED_OUT = auto(), "迁出", "Moved to another register, which says how it stands"
    IN_LIQUIDATION = auto(), "清算", "Being wound up; takes up no business"
    REVOKED = auto(), "吊销", "Its licence was revoked"
    ANNULLED = auto(), "撤销", "Its registration was annulled"
    DEREGISTERED = auto(), "注销", "Deregistered; the legal person has ended"


@code_list("减免税货物类别", "Kind of duty-free goods", "Customs order 245, article 14")
class CustomsGoodsKind(CodeList):
    """减免税货物类别: decides the term of supervision: 8, 6 and 3 years from release."""

    VESSEL_AIRCRAFT = auto(), "船舶、飞机", "Vessels and aircraft"
    MOTOR_VEHICLE = auto(), "机动车辆", "Motor vehicles"
    OTHER = auto(), "其他货物", "Other goods: all instruments"


@code_list("海关批准事项", "What customs can approve", "Customs order 245, articles 16 and 22")
class CustomsApprovalKind(CodeList):
    """海关批准事项: what a supervised instrument needs a notice for."""

    USE_BY_OTHERS = auto(), "供其他单位使用", "Use by other units"
    MOVE = auto(), "变更使用地点", "Another place of use"
    OTHER_DISTRICT = auto(), "异地监管", "Supervision in another district"
    TRANSFER = auto(), "转让（结转）", "Transfer"
    PLEDGE = auto(), "抵押", "Pledge"
    CLINICAL = auto(), "临床使用", "Clinical use in an affiliated hospital"
    SCRAP = auto(), "报废", "Scrapping"


@code_list("创新券服务类别", "Service a voucher pays for", HUB)
class VoucherService(CodeList):
    """创新券服务类别: what regions' voucher rules name; each region says which it pays for."""

    INSTRUMENT_USE = auto(), "仪器设备使用", "Use of instruments"
    TESTING = auto(), "检验检测", "Inspection and testing"
    ANALYSIS = auto(), "分析测试", "Analysis"
    DESIGN = auto(), "研发设计", "Research and design"
    CONSULTING = auto(), "技术咨询", "Technical consulting"
    OTHER = auto(), "其他", "Other"


@code_list("订单状态", "State of an order", HUB)
class OrderState(CodeList):
    """订单状态: how far a booking has gone, as its system reports it."""

    REQUESTED = auto(), "已申请", "Requested"
    TENTATIVE = auto(), "待确认", "Held, not confirmed"
    CONFIRMED = auto(), "已确认", "Confirmed"
    REFUSED = auto(), "已拒绝", "Refused"
    EXPIRED = auto(), "已过期", "Expired unanswered"
    CANCELLED = auto(), "已取消", "Cancelled"
    IN_SERVICE = auto(), "服务中", "Service begun"
    DONE = auto(), "服务完成", "Service done"
    DELIVERED = auto(), "结果已反馈", "Result handed over"
    CHARGED = auto(), "已计费", "Charge stated"
    PAID = auto(), "已支付", "Paid"
    REVIEWED = auto(), "已评价", "Reviewed"
